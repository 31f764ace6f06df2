/** Words of a passphrase: short, known, and hard to take for one another. 256, so that each is worth 8 bits. */
export const words = `
  acorn amber anchor apple apron arrow aspen atlas autumn badge baker balcony bamboo banner barley basil basket
  beacon bell birch biscuit blanket blossom bonfire bottle boulder bramble branch bread breeze brick bridge
  bronze brook brush bucket butter button cabin cactus camel candle canoe canvas canyon carbon carpet castle
  cedar cello chalk chapel cherry chimney cider cinder citrus clay cliff clock clover coast cobalt coffee comet
  compass copper coral cotton cradle crane crater creek cricket crimson crown crystal cypress dahlia daisy dawn
  delta desert dew dolphin dome donkey dove dragon drum dune eagle easel echo elbow elm ember emerald engine
  falcon feather fern ferry fiddle field flame flint flute forest fossil fountain fox frost galaxy garden
  garlic garnet gate geyser ginger glacier glass globe goat granite grape gravel grove gull hammer harbor harp
  harvest hawk hazel heather hedge helmet heron hill honey horizon hornet indigo iris island ivory ivy jacket
  jasmine jasper jungle juniper kayak kernel kettle kite ladder lagoon lake lantern lark latch lava lavender
  ledge lemon lentil lilac lily linen lion lizard lobster locust lotus lumber lunar magnet mango mantle maple
  marble marsh meadow melon mercury meteor midnight mill mint mirror mist molten moon moss moth mountain
  mulberry mustard nectar needle nest nickel north nutmeg oasis oat ocean olive onyx opal orbit orchard orchid
  otter oven owl oyster paddle palm panther paper parsley peach pearl pebble pelican pepper petal pewter piano
  pigeon pillar pine pilot planet plum pond poplar poppy prairie prism quail quarry quartz quill rabbit raven
  ribbon river robin saddle saffron salmon sandal
`
  .trim()
  .split(/\s+/);
