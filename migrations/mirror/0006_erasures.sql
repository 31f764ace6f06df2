-- Digests in entries' _sd whose disclosures were erased, and the index of the leaf in the organization's log under which they were.
CREATE TABLE latchkey_erased (
  digest TEXT PRIMARY KEY,
  idx INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
