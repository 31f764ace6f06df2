#!/usr/bin/env python3
"""Verifies a Latchkey export bundle (.lkx.zip) against docs/audit-format.md with Python 3.8 or newer, and nothing else.

    python3 verify.py FILE [--trust VKEY|FILE]... [--checkpoint FILE] [--json]

No network, no database, no package. verify.mjs beside it was written apart from it and must say the same.
Every `must` is one check: where its condition does not hold, that is the finding.
Exit codes: 0 verified, 1 tampered, 2 wrong usage, 3 anything else.
"""

import base64
import binascii
import hashlib
import json
import os
import re
import sys
import zlib
from urllib.parse import quote

# What each code means: its verdict, and words for an auditor. The same table stands in verify.mjs.
CODES = {
    'zip.signature': ('UNSUPPORTED', "This is no zip file, so it is no bundle."),
    'zip.cut': ('INCOMPLETE', "The file does not end as a bundle does: it was cut short, or something was appended."),
    'zip.encrypted': ('UNSUPPORTED', "A member is encrypted, which no exporter does."),
    'zip.method': ('UNSUPPORTED', "A member is compressed in a way that bundles do not use."),
    'zip.structure': ('TAMPERED', "The parts of the zip file contradict each other."),
    'zip.name': ('TAMPERED', "A member’s name is doubled, or leads out of the bundle."),
    'zip.symlink': ('TAMPERED', "A member is not a plain file."),
    'zip.bomb': ('TAMPERED', "A member is far larger than what it says could be."),
    'zip.data': ('TAMPERED', "A member’s bytes are damaged: they do not unpack to what the zip file promises."),
    'member.missing': ('INCOMPLETE', "A file that every bundle has is not there."),
    'manifest.canonical': ('TAMPERED', "The manifest is not in its one canonical form."),
    'manifest.version': ('UNSUPPORTED', "The bundle is of a version that this verifier does not know."),
    'manifest.needs': ('UNSUPPORTED', "The bundle needs a verifier that knows more than this one."),
    'manifest.fields': ('TAMPERED', "The manifest lacks a field, or one of them is not what it must be."),
    'manifest.filter': ('UNSUPPORTED', "The export was filtered in a way that this verifier does not know."),
    'manifest.matched': ('TAMPERED', "Another number of entries matches the filter than the manifest says."),
    'devices.line': ('TAMPERED', "A line of the list of devices is not what it must be."),
    'devices.order': ('TAMPERED', "The list of devices is not in order, or names one twice."),
    'devices.key': ('TAMPERED', "A key of the list of devices is malformed, weak, or of another name."),
    'devices.range': ('TAMPERED', "A device’s list of hashes has another length than its log asks for."),
    'devices.exporter': ('TAMPERED', "The device that made the bundle is not in the list of devices."),
    'policy.differs': ('TAMPERED', "The policy does not say what the list of devices says."),
    'keys.differ': ('TAMPERED', "A key file does not hold the key that the list of devices names."),
    'checkpoint.note': ('TAMPERED', "The central checkpoint is no well-formed signed checkpoint."),
    'checkpoint.origin': ('TAMPERED', "The central checkpoint belongs to another log."),
    'checkpoint.manifest': ('TAMPERED', "The central checkpoint is not the one that was exported."),
    'checkpoint.signature': ('TAMPERED', "A signature under the central checkpoint does not hold."),
    'checkpoint.revoked': ('UNTRUSTED KEY', "Only devices that had been revoked signed the central checkpoint."),
    'checkpoint.unsigned': ('UNTRUSTED KEY', "No device of the log signed the central checkpoint."),
    'log.empty': ('INCOMPLETE', "No entry of the central log is in the bundle."),
    'log.framing': ('TAMPERED', "The last line is not ended: something was cut off or appended."),
    'log.missing': ('TAMPERED', "Entries are missing at the end."),
    'log.surplus': ('TAMPERED', "There are more entries than the checkpoint knows of."),
    'log.root': ('TAMPERED', "The entries are not those that the checkpoint was signed for."),
    'range.hashes': ('TAMPERED', "The hashes that complete the range are not as many as they must be, or are malformed."),
    'leaves.length': ('TAMPERED', "There are not as many leaf hashes as entries."),
    'leaves.edited': ('TAMPERED', "The list of leaf hashes was edited; the entries are as they were signed."),
    'entry.edited': ('TAMPERED', "The entry is not the one that was signed."),
    'entry.missing': ('TAMPERED', "The entry was left out."),
    'entry.inserted': ('TAMPERED', "The entry was put in; nobody signed it."),
    'entry.swapped': ('TAMPERED', "The entry changed places with the next one."),
    'entry.size': ('TAMPERED', "The entry is longer than an entry may be."),
    'entry.canonical': ('TAMPERED', "The entry is not in its one canonical form."),
    'entry.version': ('UNSUPPORTED', "The entry is of a version that this verifier does not know."),
    'entry.fields': ('TAMPERED', "The entry lacks a field, or one of them is not what it must be."),
    'entry.organization': ('TAMPERED', "The entry belongs to another organization."),
    'entry.device': ('TAMPERED', "The entry names a device that is not in the list of devices, or not the one whose log this is."),
    'entry.sequence': ('TAMPERED', "The entry does not follow the device’s entry before it: one is missing, doubled or moved."),
    'entry.joined': ('TAMPERED', "The entry stands before its device joined."),
    'entry.revoked': ('TAMPERED', "The entry stands after its device was revoked."),
    'entry.ahead': ('TAMPERED', "The entry claims to have seen a central log longer than there was."),
    'entry.back': ('TAMPERED', "The entry claims to have seen a shorter central log than its device had seen before."),
    'join.keys': ('TAMPERED', "The log says other keys of the device than the list of devices does."),
    'join.missing': ('TAMPERED', "The device did not join where the list of devices says."),
    'revoke.missing': ('TAMPERED', "The device was not revoked where the list of devices says, or was where it says nothing."),
    'note.format': ('TAMPERED', "The device’s checkpoint in the log is malformed, or of another log."),
    'note.back': ('TAMPERED', "The device’s checkpoint is of a shorter log than its checkpoint before it."),
    'note.root': ('TAMPERED', "The device’s checkpoint does not fit its entries before it, and the device did not sign it."),
    'note.fork': ('TAMPERED', "The device signed another history than its entries in the log: a fork, or an edit at central."),
    'disclosure.line': ('TAMPERED', "A line of disclosures is not what it must be."),
    'disclosure.order': ('TAMPERED', "Disclosures are out of order, or of an entry that is not there."),
    'disclosure.surplus': ('TAMPERED', "Something is disclosed of an entry that the filter does not ask for, or that has nothing to disclose."),
    'disclosure.missing': ('TAMPERED', "The entry matches the filter, and something of it is neither disclosed nor erased."),
    'disclosure.unknown': ('TAMPERED', "A disclosure is not the one that the entry was signed with."),
    'disclosure.content': ('TAMPERED', "A disclosure does not say a salt, a name and a value."),
    'erased.unproven': ('TAMPERED', "Something is said to be erased under an entry that is no erasure."),
    'device.note': ('TAMPERED', "A device’s checkpoint is malformed, or of another log."),
    'device.signature': ('TAMPERED', "A device’s checkpoint does not have the device’s signature."),
    'device.uncovered': ('INCOMPLETE', "A device’s checkpoint does not reach as far as its entries."),
    'device.entries': ('TAMPERED', "There are not the entries of the device that the list of devices claims."),
    'device.root': ('TAMPERED', "The device signed other entries than those in the log: a fork, or an edit at central."),
    'proof.missing': ('INCOMPLETE', "The proof of an entry outside of the range is not there."),
    'proof.format': ('TAMPERED', "A proof is malformed, or of another checkpoint or entry."),
    'proof.inclusion': ('TAMPERED', "A proof does not lead to the checkpoint."),
    'consistency.missing': ('INCOMPLETE', "Whether a device saw this same log cannot be told: the proof is not there."),
    'consistency.format': ('TAMPERED', "A consistency proof is malformed."),
    'consistency.fork': ('TAMPERED', "A device had seen another central log: history was rewritten, or the log forked."),
    'tail.note': ('TAMPERED', "The checkpoint of the device that made the bundle is malformed, or of another log or size."),
    'tail.signature': ('TAMPERED', "The checkpoint of the device that made the bundle does not have its signature."),
    'tail.gap': ('TAMPERED', "The device’s own entries do not follow those in the central log."),
    'export.unrecorded': ('TAMPERED', "The device’s log does not end with the entry of this export."),
    'export.request': ('TAMPERED', "What was exported is not what the entry of this export recorded."),
    'view.csv': ('TAMPERED', "views/audit.csv does not say what the entries say."),
    'view.ocsf': ('TAMPERED', "views/ocsf.jsonl does not say what the entries say."),
    'sums.format': ('TAMPERED', "SHA256SUMS is malformed."),
    'sums.missing': ('INCOMPLETE', "A file of SHA256SUMS is not in the bundle."),
    'sums.unlisted': ('TAMPERED', "A file of the bundle is not in SHA256SUMS."),
    'sums.hash': ('TAMPERED', "A file is not the one that SHA256SUMS names."),
    'signature.format': ('TAMPERED', "SHA256SUMS.sig is malformed, or of another purpose."),
    'signature.key': ('TAMPERED', "SHA256SUMS.sig was made with another key than the device’s."),
    'signature.false': ('TAMPERED', "SHA256SUMS.sig does not hold."),
    'held.origin': ('INCOMPLETE', "The checkpoint that you hold belongs to another log."),
    'held.newer': ('INCOMPLETE', "The bundle is older than the checkpoint that you hold: entries that you know of are not in it."),
    'held.unproven': ('INCOMPLETE', "The bundle does not hold what it takes to compare it with the checkpoint that you hold."),
    'held.fork': ('TAMPERED', "The log is not the one that you hold a checkpoint of: it was rewritten or forked."),
    'trust.none': ('UNTRUSTED KEY', "No key was given to trust. Get one from a device of the organization, not from this bundle."),
    'trust.other': ('UNTRUSTED KEY', "The keys that you trust did not sign this bundle."),
    'internal': ('INCOMPLETE', "The verifier met a case that it does not handle."),
}

PRECEDENCE = ('TAMPERED', 'UNSUPPORTED', 'INCOMPLETE', 'UNTRUSTED KEY')

LONGEST_ENTRY = 16384
LONGEST_LINE = 1048576
SMALL = 16777216
MOST_MEMBERS = 65535
RATIO = 200
DEEPEST = 200
MOST_SIGNATURES = 100
CHUNK = 262144
SAFE = 2 ** 53 - 1


class Finding(Exception):
    """What a check found. Ends the part that it is in."""

    def __init__(self, code, index=None, where=None, expected=None, found=None):
        super().__init__(code)
        self.code, self.index, self.where, self.expected, self.found = code, index, where, expected, found


def must(holds, code, index=None, where=None, expected=None, found=None):
    if not holds:
        raise Finding(code, index, where, expected, found)


# ---------------------------------------------------------------------------------------------- bytes and text


def decoded(data):
    try:
        return data.decode('utf-8')
    except UnicodeDecodeError:
        return None


def from_base64(text):
    """Bytes of standard Base64 in its one form, with padding; None for anything else."""
    try:
        data = base64.b64decode(text.encode('ascii'), validate=True)
    except (UnicodeEncodeError, binascii.Error, ValueError):
        return None
    return data if base64.b64encode(data).decode() == text else None


def from_base64_url(text):
    """Bytes of unpadded base64url in its one form; None for anything else."""
    if not re.fullmatch('[A-Za-z0-9_-]*', text) or len(text) % 4 == 1:
        return None
    standard = text.replace('-', '+').replace('_', '/')
    return from_base64(standard + '=' * (-len(standard) % 4))


def base64_text(data):
    return base64.b64encode(data).decode()


def base64_url(data):
    return base64.urlsafe_b64encode(data).decode().rstrip('=')


def hash_of(text):
    """A hash as text: the 44 characters of 32 bytes."""
    return from_base64(text) if len(text) == 44 else None


def sha256(data):
    return hashlib.sha256(data).digest()


# ---------------------------------------------------------------------------------------------- canonical JSON

MISSING = object()  # as `undefined`: not there, where `None` is JSON's null


class NotCanonical(ValueError):
    pass


def refuse(_text):
    raise NotCanonical()


def safe_integer(text):
    if len(text) > 17:
        raise NotCanonical()
    value = int(text)
    if not -SAFE <= value <= SAFE:
        raise NotCanonical()
    return value


integers_only = json.JSONDecoder(parse_float=refuse, parse_constant=refuse, parse_int=safe_integer).decode
written = json.JSONEncoder(ensure_ascii=False, separators=(',', ':'), sort_keys=True).encode
astral = re.compile('[\U00010000-\U0010ffff]')
brackets_and_strings = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[\[\]{}]', re.DOTALL)


def depth_of(text):
    """How deep brackets lie in each other outside of strings; 0 where they are too few to matter."""
    if text.count('[') + text.count('{') <= DEEPEST:
        return 0
    depth = deepest = 0
    for token in brackets_and_strings.findall(text):
        if token in '[{':
            depth += 1
            deepest = max(deepest, depth)
        elif token in ']}':
            depth -= 1
    return deepest


def canonical(data):
    """The value of canonical JSON (RFC 8785) whose numbers are integers below 2^53, at most 200 levels deep; else MISSING."""
    try:
        text = data.decode('utf-8')
        if depth_of(text) > DEEPEST:
            return MISSING
        value = integers_only(text)
        # Python sorts by code points, RFC 8785 by UTF-16 code units: they differ beyond the basic plane alone.
        again = canonical_text(value) if not text.isascii() and astral.search(text) else written(value)
    except (ValueError, RecursionError):
        return MISSING
    return value if again == text else MISSING


def canonical_text(value):
    """The canonical text of a value that was read as one."""
    if isinstance(value, dict):
        keys = sorted(value, key=lambda key: key.encode('utf-16-be', 'surrogatepass'))
        return '{%s}' % ','.join('%s:%s' % (written(key), canonical_text(value[key])) for key in keys)
    if isinstance(value, list):
        return '[%s]' % ','.join(map(canonical_text, value))
    return written(value)


any_json = json.JSONDecoder(parse_float=str, parse_constant=refuse, parse_int=lambda text: 0).decode


def parsed_json(text):
    try:
        return any_json(text)
    except (ValueError, RecursionError):
        return MISSING


def is_text(value):
    return isinstance(value, str) and value != ''


def is_integer(value):
    return isinstance(value, int) and not isinstance(value, bool)


def is_count(value):
    return is_integer(value) and 0 <= value <= SAFE


moment_form = re.compile(r'[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z')
digest_form = re.compile(r'[A-Za-z0-9_-]{43}')
hash_form = re.compile(r'[0-9a-f]{64}')
# 32 bytes in the one form of Base64: two bits of the last digit are not used.
base64_hash_form = re.compile('[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=')


def is_moment(value):
    return isinstance(value, str) and moment_form.fullmatch(value) is not None


def is_hash(value):
    return isinstance(value, str) and base64_hash_form.fullmatch(value) is not None


# ---------------------------------------------------------------------------------------------- Ed25519 (RFC 8032)

P = 2 ** 255 - 19
ORDER = 2 ** 252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT_OF_MINUS_ONE = pow(2, (P - 1) // 4, P)


def x_of(y, sign):
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P != 0:
        x = x * ROOT_OF_MINUS_ONE % P
    if (x * x - square) % P != 0 or (x == 0 and sign):
        return None
    return x if x & 1 == sign else P - x


def point_add(one, other):
    a = (one[1] - one[0]) * (other[1] - other[0]) % P
    b = (one[1] + one[0]) * (other[1] + other[0]) % P
    c = 2 * one[3] * other[3] * D % P
    d = 2 * one[2] * other[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def point_double(one):
    a, b = one[0] * one[0] % P, one[1] * one[1] % P
    c = 2 * one[2] * one[2]
    h = a + b
    e = h - (one[0] + one[1]) * (one[0] + one[1])
    g = a - b
    f = c + g
    return e * f % P, g * h % P, f * g % P, e * h % P


def point_sum(one_times, one, other_times, other):
    """The sum of two products, in one pass over the bits of both."""
    both = (None, one, other, point_add(one, other))
    result = (0, 1, 1, 0)
    for bit in range(max(one_times.bit_length(), other_times.bit_length()) - 1, -1, -1):
        result = point_double(result)
        wanted = both[(one_times >> bit & 1) + 2 * (other_times >> bit & 1)]
        if wanted:
            result = point_add(result, wanted)
    return result


def point_bytes(point):
    inverse = pow(point[2], P - 2, P)
    x, y = point[0] * inverse % P, point[1] * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, 'little')


BASE_Y = 4 * pow(5, P - 2, P) % P
BASE_X = x_of(BASE_Y, 0)
BASE = (BASE_X, BASE_Y, 1, BASE_X * BASE_Y % P)


def ed25519(key, message, signature):
    """Whether a signature holds: 5.1.7 without the cofactor, as OpenSSL does it."""
    number = int.from_bytes(key, 'little')
    y = number & (2 ** 255 - 1)
    x = x_of(y, number >> 255)
    s = int.from_bytes(signature[32:], 'little')
    if x is None or s >= ORDER or len(signature) != 64:
        return False
    h = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), 'little') % ORDER
    negated = (P - x, y, 1, (P - x) * y % P)
    return point_bytes(point_sum(s, BASE, h, negated)) == signature[:32]


# Keys of small order, under which one signature holds for many messages; without the bit for x.
WEAK_KEYS = {
    '0000000000000000000000000000000000000000000000000000000000000000',
    '0100000000000000000000000000000000000000000000000000000000000000',
    'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
    '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
    'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
}


def is_sound_key(key):
    """A key that has one encoding and a large order, so that all verifiers agree what it signed."""
    plain = key[:31] + bytes([key[31] & 0x7f])
    return int.from_bytes(plain, 'little') < P and plain.hex() not in WEAK_KEYS


# ---------------------------------------------------------------------------------------------- trees (RFC 6962)


def parent(left, right):
    return hashlib.sha256(b'\x01' + left + right).digest()


def leaf_hash(data):
    return hashlib.sha256(b'\x00' + data).digest()


class Tree:
    """The right edge of a tree: what it takes to append to it and to tell its root."""

    def __init__(self):
        self.levels = []
        self.hashes = []

    def clone(self):
        tree = Tree()
        tree.levels, tree.hashes = list(self.levels), list(self.hashes)
        return tree

    def append(self, value, level=0):
        """Appends the root of a whole subtree of 2^level leaves."""
        levels, hashes = self.levels, self.hashes
        while levels and levels[-1] == level:
            value = hashlib.sha256(b'\x01' + hashes.pop() + value).digest()
            levels.pop()
            level += 1
        levels.append(level)
        hashes.append(value)

    def root(self):
        if not self.hashes:
            return sha256(b'')
        root = self.hashes[-1]
        for left in reversed(self.hashes[:-1]):
            root = parent(left, root)
        return root


def covering_levels(first, last):
    """Levels of the whole subtrees that cover the leaves from `first` to `last`, from left to right."""
    levels = []
    at = first
    while at < last:
        level = 0
        while at % 2 ** (level + 1) == 0 and at + 2 ** (level + 1) <= last:
            level += 1
        levels.append(level)
        at += 2 ** level
    return levels


def is_included(value, index, size, proof, root):
    """Whether a leaf is in a tree (RFC 9162, 2.1.3.2)."""
    if index >= size:
        return False
    fn, sn, r = index, size - 1, value
    for step in proof:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            r = parent(step, r)
            while not fn & 1 and fn != 0:
                fn, sn = fn >> 1, sn >> 1
        else:
            r = parent(r, step)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and r == root


def is_consistent(first, second, first_root, second_root, proof):
    """Whether a tree is the beginning of another (RFC 9162, 2.1.4.2)."""
    if first > second:
        return False
    if first == second:
        return not proof and first_root == second_root
    if first == 0:
        return not proof and first_root == sha256(b'')
    if not proof:
        return False
    fn, sn = first - 1, second - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    steps = [first_root] + proof if fn == 0 else proof
    fr = sr = steps[0]
    for step in steps[1:]:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            fr, sr = parent(step, fr), parent(step, sr)
            while not fn & 1 and fn != 0:
                fn, sn = fn >> 1, sn >> 1
        else:
            sr = parent(sr, step)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and fr == first_root and sr == second_root


# ---------------------------------------------------------------------------------------------- signed notes (C2SP)


class Checkpoint:
    def __init__(self, origin, size, root, body, signatures):
        self.origin, self.size, self.root, self.body, self.signatures = origin, size, root, body, signatures


signature_line = re.compile('\u2014 ([^ +]+) ([^ ]+)')


def parsed_checkpoint(text):
    """A checkpoint in a signed note; None for what is none."""
    if re.search('[\x00-\x09\x0b-\x1f]', text) or not text.endswith('\n'):
        return None
    end = text.rfind('\n\n')
    if end < 0:
        return None
    body = text[:end + 1]
    lines = body[:-1].split('\n')
    matches = [signature_line.fullmatch(line) for line in text[end + 2:-1].split('\n')]
    if len(lines) < 3 or '' in lines or not re.fullmatch('0|[1-9][0-9]{0,15}', lines[1]) or hash_of(lines[2]) is None:
        return None
    if int(lines[1]) > SAFE or len(matches) > MOST_SIGNATURES:
        return None
    signatures = []
    for match in matches:
        data = match and from_base64(match.group(2))
        if not data or len(data) < 5:
            return None
        signatures.append((match.group(1), data[:4].hex(), data[4:]))
    return Checkpoint(lines[0], int(lines[1]), lines[2], body, signatures)


class Key:
    def __init__(self, text, name, ident, key):
        self.text, self.name, self.ident, self.key = text, name, ident, key


key_form = re.compile('([^ +\x00-\x1f]+)\\+([0-9a-f]{8})\\+([A-Za-z0-9+/=]+)')


def parsed_key(text):
    """A verifier key: `<name>+<8 hex digits>+<Base64 of 0x01 and 32 bytes>`; None for what is none."""
    match = key_form.fullmatch(text)
    data = match and from_base64(match.group(3))
    if not data or len(data) != 33 or data[0] != 1 or not is_sound_key(data[1:]):
        return None
    name, ident = match.group(1), match.group(2)
    if sha256(name.encode('utf-8') + b'\n' + data)[:4].hex() != ident:
        return None
    return Key(text, name, ident, data[1:])


def signature_of(note, key):
    """`valid`, `false`, or `absent` where the key signed nothing."""
    own = [data for name, ident, data in note.signatures if name == key.name and ident == key.ident]
    if not own:
        return 'absent'
    body = note.body.encode('utf-8')
    return 'valid' if all(len(data) == 64 and ed25519(key.key, body, data) for data in own) else 'false'


def component(text):
    """As JavaScript's encodeURIComponent."""
    return quote(text, safe="!'()*-._~")


def central_origin(organization):
    return 'latchkey.local/%s/central' % component(organization)


def device_origin(organization, device):
    return 'latchkey.local/%s/d/%s' % (component(organization), component(device))


# ---------------------------------------------------------------------------------------------- files that say a key


def pem_of(key):
    spki = bytes.fromhex('302a300506032b6570032100') + key
    return '-----BEGIN PUBLIC KEY-----\n%s\n-----END PUBLIC KEY-----\n' % base64_text(spki)


def ssh_string(data):
    return len(data).to_bytes(4, 'big') + data


def ssh_key(key):
    return ssh_string(b'ssh-ed25519') + ssh_string(key)


def ssh_signature(key, signature):
    blob = (
        b'SSHSIG\x00\x00\x00\x01'
        + ssh_string(ssh_key(key))
        + ssh_string(b'latchkey-export')
        + ssh_string(b'')
        + ssh_string(b'sha512')
        + ssh_string(ssh_string(b'ssh-ed25519') + ssh_string(signature))
    )
    text = base64_text(blob)
    lines = '\n'.join(text[at:at + 70] for at in range(0, len(text), 70))
    return '-----BEGIN SSH SIGNATURE-----\n%s\n-----END SSH SIGNATURE-----\n' % lines


def ssh_signed(digest):
    return b'SSHSIG' + ssh_string(b'latchkey-export') + ssh_string(b'') + ssh_string(b'sha512') + ssh_string(digest)


def policy_text(devices):
    lines = ['quorum none']
    for device in devices:
        lines += ['log ' + device.log, 'log ' + device.checkpoint]
    return '\n'.join(lines) + '\n'


# ---------------------------------------------------------------------------------------------- the zip file


class Damage(Exception):
    pass


class Member:
    def __init__(self, name, method, start, packed, size, crc):
        self.name, self.method, self.start, self.packed, self.size, self.crc = name, method, start, packed, size, crc


def number(data, at, length):
    return int.from_bytes(data[at:at + length], 'little')


FULL = 0xffffffff


def zip_sizes(packed, size, offset, extra):
    """Sizes and offset, from the 64-bit field where the 32-bit ones are full. In a local header there is no offset."""
    wide = [value for value in (size, packed, offset) if value == FULL]
    if not wide:
        return (packed, size, offset) if not extra else None
    length = 8 * len(wide)
    if len(extra) != 4 + length or number(extra, 0, 2) != 1 or number(extra, 2, 2) != length:
        return None
    values = [number(extra, 4 + 8 * place, 8) for place in range(len(wide))]
    size = values.pop(0) if size == FULL else size
    packed = values.pop(0) if packed == FULL else packed
    offset = values.pop(0) if offset == FULL else offset
    return packed, size, offset


member_name = re.compile('[A-Za-z0-9_-][A-Za-z0-9._-]*(?:/[A-Za-z0-9_-][A-Za-z0-9._-]*)*')


def read_at(file, offset, length):
    file.seek(offset)
    return file.read(length)


def zip_members(file, total):
    """The members of a zip file as bundles use it: one after the other without gaps, each said alike by its local header and by
    the directory, stored or deflated, without comment, encryption or anything hidden."""
    must(read_at(file, 0, 4) == b'PK\x03\x04', 'zip.signature')
    end = read_at(file, max(0, total - 22), 22)
    must(len(end) == 22 and end[:4] == b'PK\x05\x06' and number(end, 20, 2) == 0, 'zip.cut')
    count, size, offset = number(end, 10, 2), number(end, 12, 4), number(end, 16, 4)
    directory_end = total - 22
    must(number(end, 4, 4) == 0 and number(end, 8, 2) == count, 'zip.structure')
    if offset == FULL:
        directory_end = total - 98
        more = read_at(file, max(0, directory_end), 76)
        is_located = more[56:60] == b'PK\x06\x07' and number(more, 64, 8) == directory_end
        is_record = more[:4] == b'PK\x06\x06' and number(more, 4, 8) == 44 and number(more, 24, 8) == count
        must(is_located and is_record, 'zip.structure')
        size, offset = number(more, 40, 8), number(more, 48, 8)
    must(offset + size == directory_end and size <= SMALL and count <= MOST_MEMBERS, 'zip.structure')
    directory = read_at(file, offset, size)
    members = {}
    at = expected_offset = 0
    for index in range(count):
        must(at + 46 <= size and directory[at:at + 4] == b'PK\x01\x02', 'zip.structure', index)
        name_length, extra_length = number(directory, at + 28, 2), number(directory, at + 30, 2)
        past = at + 46 + name_length + extra_length
        must(past <= size and number(directory, at + 32, 2) == 0, 'zip.structure', index)
        flags = number(directory, at + 8, 2)
        must(flags & 0x2041 == 0, 'zip.encrypted', index)
        must(flags & ~0x0800 == 0 and number(directory, at + 34, 2) == 0, 'zip.structure', index)
        method = number(directory, at + 10, 2)
        must(method in (0, 8), 'zip.method', index)
        name = directory[at + 46:at + 46 + name_length].decode('latin-1')
        fits = len(name) <= 255 and member_name.fullmatch(name) is not None
        must(fits and name not in members, 'zip.name', index, None, None, name)
        # Made on Unix, the upper half says what kind of file it is.
        must(number(directory, at + 38, 4) >> 28 in (0, 8), 'zip.symlink', index, name)
        extra = directory[at + 46 + name_length:past]
        sizes = zip_sizes(number(directory, at + 20, 4), number(directory, at + 24, 4), number(directory, at + 42, 4), extra)
        must(sizes is not None and sizes[2] == expected_offset, 'zip.structure', index, name)
        packed, unpacked, start = sizes
        local = read_at(file, start, 30 + name_length + 20)
        is_large = len(local) >= 30 and number(local, 22, 4) == FULL
        local_length = 30 + name_length + (20 if is_large else 0)
        must(len(local) >= local_length and local[:4] == b'PK\x03\x04', 'zip.structure', index, name)
        lengths = (name_length, 20 if is_large else 0)
        must((number(local, 26, 2), number(local, 28, 2)) == lengths, 'zip.structure', index, name)
        # Version, flags, method, time, date and checksum.
        must(local[4:18] == directory[at + 6:at + 20], 'zip.structure', index, name)
        must(local[30:30 + name_length].decode('latin-1') == name, 'zip.structure', index, name)
        again = zip_sizes(number(local, 18, 4), number(local, 22, 4), 0, local[30 + name_length:local_length])
        must(again is not None and again[:2] == (packed, unpacked), 'zip.structure', index, name)
        must(packed > 0 if method == 8 else packed == unpacked, 'zip.structure', index, name)
        must(unpacked <= LONGEST_LINE or unpacked <= RATIO * packed, 'zip.bomb', index, name)
        start += local_length
        expected_offset = start + packed
        members[name] = Member(name, method, start, packed, unpacked, number(directory, at + 16, 4))
        at = past
    must(at == size and expected_offset == offset, 'zip.structure')
    return members


class Bundle:
    """A bundle's members: their checksums are checked and their hashes kept as they are read."""

    def __init__(self, file, members):
        self.file, self.members = file, members
        self.hashes = {}

    def packed(self, member):
        at, end = member.start, member.start + member.packed
        while at < end:
            data = read_at(self.file, at, min(CHUNK, end - at))
            if not data:
                raise Damage()
            at += len(data)
            yield data

    def unpacked(self, member):
        if member.method == 0:
            yield from self.packed(member)
            return
        inflate = zlib.decompressobj(-15)
        for data in self.packed(member):
            while data:
                if inflate.eof:
                    raise Damage()
                try:
                    out = inflate.decompress(data, CHUNK)
                except zlib.error:
                    raise Damage()
                data = inflate.unconsumed_tail
                if out:
                    yield out
            if inflate.unused_data:
                raise Damage()
        # What is left inside comes out in pieces, too.
        while not inflate.eof:
            try:
                out = inflate.decompress(b'', CHUNK)
            except zlib.error:
                raise Damage()
            if not out:
                raise Damage()
            yield out

    def chunks(self, name):
        member = self.members[name]
        digest = hashlib.sha256()
        crc = size = 0
        for data in self.unpacked(member):
            size += len(data)
            if size > member.size:
                raise Damage()
            crc = zlib.crc32(data, crc)
            digest.update(data)
            yield data
        if size != member.size or crc != member.crc:
            raise Damage()
        self.hashes[name] = digest.hexdigest()

    def small(self, name):
        must(self.members[name].size <= SMALL, 'zip.bomb', None, name)
        return b''.join(self.chunks(name))

    def text(self, name):
        """A small member's text; None where it is not UTF-8."""
        return decoded(self.small(name))

    def drain(self, name):
        """Reads what nobody read."""
        if name not in self.hashes:
            for _ in self.chunks(name):
                pass

    def first_damaged(self):
        """The first member, as they lie in the file, whose bytes are damaged."""
        for name in self.members:
            try:
                for _ in self.chunks(name):
                    pass
            except Damage:
                return name
        return None


class Lines:
    """Lines of a member, one after the other; at the end `left` is what has no end of line, `overlong` that a line is too long."""

    def __init__(self, chunks, longest):
        self.chunks, self.longest = chunks, longest
        self.left = b''
        self.overlong = False
        self.lines = self.read()

    def next(self):
        """None after the last."""
        return next(self.lines, None)

    def read(self):
        for data in self.chunks:
            lines = (self.left + data).split(b'\n')
            self.left = lines.pop()
            for line in lines:
                if len(line) > self.longest:
                    self.overlong = True
                    break
                yield line
            if len(self.left) > self.longest:
                self.overlong = True
            if self.overlong:
                self.left = b''
                self.drain()
                return

    def drain(self):
        for _ in self.chunks:
            pass


class Hashes:
    """Hashes of 32 bytes, one after the other."""

    def __init__(self, chunks):
        self.chunks = chunks
        self.hashes = self.read()

    def next(self):
        return next(self.hashes, None)

    def read(self):
        rest = b''
        for data in self.chunks:
            rest += data
            whole = len(rest) - len(rest) % 32
            for at in range(0, whole, 32):
                yield rest[at:at + 32]
            rest = rest[whole:]


# ---------------------------------------------------------------------------------------------- filters and views


def is_texts(value):
    return isinstance(value, list) and len(value) > 0 and all(map(is_text, value))


def is_object_filter(one):
    if not isinstance(one, dict) or not is_text(one.get('t')) or not set(one) <= {'t', 'id'}:
        return False
    return 'id' not in one or is_text(one['id']) or is_integer(one['id'])


FILTER_FIELDS = {
    'act': is_texts,
    'sub': is_texts,
    'obj': lambda value: isinstance(value, list) and len(value) > 0 and all(map(is_object_filter, value)),
    'from': is_moment,
    'to': is_moment,
}


def is_same(one, other):
    return type(one) is type(other) and one == other


def matches(wanted, entry):
    """Whether an entry, by its bytes alone, is one of those that a filter asks for."""
    if 'act' in wanted:
        act = entry['act']
        if not any(act.startswith(one[:-1]) if one.endswith('*') else act == one for one in wanted['act']):
            return False
    if 'sub' in wanted and entry.get('sub') not in wanted['sub']:
        return False
    if 'obj' in wanted:
        obj = entry.get('obj', {})
        if not any(
            is_same(obj.get('t'), one['t']) and ('id' not in one or is_same(obj.get('id'), one['id'])) for one in wanted['obj']
        ):
            return False
    return ('from' not in wanted or entry['ts'] >= wanted['from']) and ('to' not in wanted or entry['ts'] < wanted['to'])


CSV_HEAD = 'index,device,seq,time,action,table,key,subject,actor,object,reason,changes,outcome,erased\r\n'
formula = re.compile('[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]')
plain_cell = re.compile('[A-Za-z0-9._:~-]*')


def csv_cell(value):
    """A cell that no spreadsheet takes for a formula (OWASP), quoted as RFC 4180 does."""
    text = '' if value is None else str(value)
    if formula.match(text):
        text = "'" + text
    return text if plain_cell.fullmatch(text) else '"%s"' % text.replace('"', '""')


def actor_text(said):
    raw, value = said or (None, None)
    if isinstance(value, dict):
        for field in ('email', 'id'):
            if isinstance(value.get(field), str):
                return value[field]
    return raw


def object_text(said):
    raw, value = said or (None, None)
    if isinstance(value, dict):
        for field in ('name', 'key'):
            if isinstance(value.get(field), str):
                return value[field]
    return raw


def reason_text(said):
    raw, value = said or (None, None)
    return value if isinstance(value, str) else raw


def csv_row(entry, index, disclosed, erased):
    obj = entry.get('obj', {})
    cells = [
        index,
        entry['dev'],
        entry.get('seq'),
        entry['ts'],
        entry['act'],
        obj.get('t'),
        obj.get('id'),
        entry.get('sub'),
        actor_text(disclosed.get('actor')),
        object_text(disclosed.get('object')),
        reason_text(disclosed.get('reason')),
        disclosed.get('changes', (None,))[0],
        entry.get('out'),
        ' '.join('#%d' % under for under in erased),
    ]
    return ','.join(map(csv_cell, cells)) + '\r\n'


def ocsf_line(entry, index, disclosed):
    """One event of the Open Cybersecurity Schema Framework, in canonical form."""
    kind_and_activity = entry.get('ocsf', 99)
    kind = kind_and_activity // 100
    obj = entry.get('obj')
    name, reason = object_text(disclosed.get('object')), reason_text(disclosed.get('reason'))
    actor = actor_text(disclosed.get('actor'))
    place = 'central/%d' % index if index is not None else '%s/%d' % (entry['dev'], entry['seq'])
    event = {
        'activity_id': kind_and_activity % 100,
        'category_uid': kind // 1000,
        'class_uid': kind,
        'message': entry['act'],
        'metadata': {
            'product': {'name': 'Latchkey', 'vendor_name': 'Latchkey'},
            'uid': '%s/%s' % (entry['org'], place),
            'version': '1.3.0',
        },
        'severity_id': 1,
        'status_id': 1 if entry.get('out', 'ok') in ('ok', 'applied', 'merged') else 2,
        'time': milliseconds_of(entry['ts']),
        'type_uid': kind_and_activity,
        'unmapped': {'device': entry['dev']},
    }
    if 'sub' in entry:
        event['actor'] = {'user': {'uid': entry['sub']}}
        if actor is not None:
            event['actor']['user']['name'] = actor
    if reason is not None:
        event['unmapped']['reason'] = reason
    if obj is not None:
        about = {'uid': str(obj['id'])}
        if name is not None:
            about['name'] = name
        if kind == 3004:
            about['type'] = obj['t']
            event['entity'] = about
        elif kind == 3001:
            event['user'] = about
        else:
            event['unmapped']['object'] = {'id': str(obj['id']), 't': obj['t']}
    return written(event) + '\n'


def milliseconds_of(ts):
    """Milliseconds since 1970 of a moment, by the calendar's arithmetic alone."""
    year, month, day, hour, minute, second, ms = map(int, re.findall('[0-9]+', ts))
    y = year - 1 if month <= 2 else year
    era = y // 400
    year_of_era = y - era * 400
    day_of_year = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
    day_of_era = year_of_era * 365 + year_of_era // 4 - year_of_era // 100 + day_of_year
    days = era * 146097 + day_of_era - 719468
    return (((days * 24 + hour) * 60 + minute) * 60 + second) * 1000 + ms


class View:
    def __init__(self, head):
        self.digest = hashlib.sha256(head.encode())

    def append(self, text):
        self.digest.update(text.encode('utf-8'))


# ---------------------------------------------------------------------------------------------- the verification

CENTRAL_MEMBERS = ('log/checkpoint', 'log/entries.jsonl', 'log/leaves', 'log/range')
MEMBERS = (
    'SHA256SUMS',
    'SHA256SUMS.sig',
    'device/checkpoint',
    'device/entries.jsonl',
    'device/leaves',
    'device/range',
    'disclosures.jsonl',
    'keys/allowed_signers',
    'log/devices.jsonl',
    'log/policy',
    'manifest.json',
    'views/audit.csv',
    'views/ocsf.jsonl',
)
ENTRIES = 'log/entries.jsonl'
TAIL = 'device/entries.jsonl'
DISCLOSURES = 'disclosures.jsonl'


def is_object_name(obj):
    return isinstance(obj, dict) and is_text(obj.get('t')) and (is_text(obj.get('id')) or is_integer(obj.get('id')))


def is_change(chg):
    return isinstance(chg, dict) and isinstance(chg.get('h'), str) and hash_form.fullmatch(chg['h']) is not None


def is_seen(cen):
    return isinstance(cen, list) and len(cen) == 2 and is_count(cen[0]) and is_hash(cen[1])


def is_digest_list(value):
    if not isinstance(value, list) or not value:
        return False
    if not all(isinstance(one, str) and digest_form.fullmatch(one) for one in value):
        return False
    return all(one < other for one, other in zip(value, value[1:]))


OPTIONAL = {
    'obj': is_object_name,
    'sub': is_text,
    'out': is_text,
    'ocsf': is_count,
    'chg': is_change,
    'cen': is_seen,
    '_sd': is_digest_list,
}


def is_entry(entry):
    """What all leaves have in common, and what is looked at of each."""
    get = entry.get
    dev = get('dev')
    if not (is_text(get('org')) and is_text(dev) and is_text(get('act')) and is_moment(get('ts'))):
        return False
    if 'seq' in entry if dev == 'central' else not (is_count(get('seq')) and entry['seq'] > 0):
        return False
    return all(field not in entry or check(entry[field]) for field, check in OPTIONAL.items())


def is_device_line(value, is_central):
    if not isinstance(value, dict):
        return False
    dev = value.get('dev')
    if not isinstance(dev, str) or not re.fullmatch('[!-~]{1,200}', dev) or dev == 'central':
        return False
    if not is_text(value.get('log')) or not is_text(value.get('checkpoint')):
        return False
    if not (is_count(value.get('join')) if is_central else 'join' not in value and 'first' not in value):
        return False
    if 'revoke' in value and not is_count(value['revoke']) or 'note' in value and not is_text(value['note']):
        return False
    if 'first' not in value:
        return 'last' not in value and 'range' not in value
    first, last, hashes = value['first'], value.get('last'), value.get('range')
    return is_count(first) and is_count(last) and first < last and isinstance(hashes, list) and all(map(is_hash, hashes))


def is_join_of(leaf, device):
    keys = leaf.get('keys')
    return isinstance(keys, dict) and keys.get('log') == device.log and keys.get('checkpoint') == device.checkpoint


def is_disclosure_line(line):
    if not isinstance(line, dict) or set(line) not in ({'d', 'e', 'i'}, {'d', 'e', 's'}):
        return False
    if not is_count(line['i'] if 'i' in line else line['s']):
        return False
    if not isinstance(line['d'], list) or not all(map(is_text, line['d'])) or not isinstance(line['e'], list):
        return False
    return all(isinstance(one, list) and len(one) == 2 and isinstance(one[0], str) and is_count(one[1]) for one in line['e'])


disclosure_form = re.compile('\\["[A-Za-z0-9_-]{22}","([a-z][a-z_.]{0,63})",')
half_character = re.compile('\\\\u[dD][89a-fA-F]')


def parsed_disclosure(text):
    """`["<22 characters of salt>","<name>",<value>]` in base64url: the name, and the value as it is written and as it is; else None."""
    data = from_base64_url(text)
    plain = decoded(data) if data else None
    match = disclosure_form.match(plain) if plain else None
    if match is None or not plain.endswith(']') or depth_of(plain) > DEEPEST:
        return None
    # Halves of a character are no text; what is escaped twice is no escape.
    if '\\u' in plain and half_character.search(plain.replace('\\\\', '')):
        return None
    parsed = parsed_json(plain)
    if not isinstance(parsed, list) or len(parsed) != 3:
        return None
    return match.group(1), (plain[match.end():-1], parsed[2])


class Device:
    """A line of the list of devices, and how far its log was read."""

    def __init__(self, index, value, log_key, checkpoint_key):
        self.index = index
        self.dev, self.log, self.checkpoint = value['dev'], value['log'], value['checkpoint']
        self.log_key, self.checkpoint_key = log_key, checkpoint_key
        self.join, self.revoke, self.note = value.get('join'), value.get('revoke'), value.get('note')
        self.first, self.last = value.get('first'), value.get('last')
        self.tree = Tree()
        self.right = []
        self.count = self.first
        self.note_size, self.note_root = 0, None
        self.ahead = None
        self.seen = None
        self.joined = self.revoked = False
        self.signed_to = None


class Seen:
    def __init__(self, size, root, index, where):
        self.size, self.root, self.index, self.where = size, root, index, where


class Central:
    def __init__(self, request):
        self.size, self.root = request['checkpoint']['size'], request['checkpoint']['root']
        self.first, self.last = request['first'], request['last']
        self.root_hash = hash_of(self.root)


class Verification:
    def __init__(self, trust, held):
        self.bundle = None
        self.trust, self.held = trust, held
        self.held_found = None
        self.findings = []
        self.manifest = None
        self.central = None
        self.devices = []
        self.device = {}
        self.exporter = None
        self.signers = []
        self.tail_note = None
        self.checkpoint_text = None
        self.log_holds = self.tail_holds = self.discloses = False
        self.lines = None
        self.ahead = MISSING
        self.epoch = MISSING
        self.erasures = set()
        self.erased = []
        self.forks = []
        self.matched = self.checked = 0
        self.latest = None
        self.sums = None
        self.csv, self.ocsf = View(CSV_HEAD), View('')

    def part(self, work):
        """Runs a part; what it finds is kept, and the next part goes on."""
        before = len(self.findings)
        try:
            work()
        except Finding as finding:
            self.findings.append(finding)
        return len(self.findings) == before

    def run(self):
        if not self.part(self.read_manifest) or not self.part(self.read_devices):
            return
        self.part(self.read_tail_checkpoint)
        if self.central:
            self.part(self.read_checkpoint)
            self.log_holds = self.part(self.check_log)
            if self.log_holds:
                self.part(self.check_devices)
        else:
            self.log_holds = True
        self.tail_holds = self.part(self.check_tail)
        self.part(self.check_export)
        if self.central:
            self.part(self.check_proofs)
            if self.log_holds:
                self.part(self.check_consistency)
        self.part(self.check_views)
        self.part(self.check_sums)
        self.part(self.check_signature)
        if self.held:
            self.part(self.check_held)
        self.part(self.check_trust)

    def read_manifest(self):
        where = 'manifest.json'
        for name in MEMBERS:
            must(name in self.bundle.members, 'member.missing', None, name)
        data = self.bundle.small(where)
        manifest = canonical(data[:-1]) if data.endswith(b'\n') else MISSING
        must(isinstance(manifest, dict), 'manifest.canonical', None, where)
        must(manifest.get('bundle') == 'latchkey-export/1', 'manifest.version', None, where, 'latchkey-export/1')
        must(manifest.get('needs') == [], 'manifest.needs', None, where)
        tail, request = manifest.get('tail'), manifest.get('export')
        must(
            is_text(manifest.get('org'))
            and is_text(manifest.get('device'))
            and is_count(manifest.get('entries'))
            and is_moment(manifest.get('exported'))
            and is_text(manifest.get('latchkey'))
            and is_count(manifest.get('matched'))
            and is_text(manifest.get('rollback'))
            and isinstance(tail, dict)
            and is_count(tail.get('first'))
            and is_count(tail.get('size'))
            and tail['first'] <= tail['size']
            and isinstance(request, dict)
            and isinstance(request.get('filter'), dict),
            'manifest.fields',
            None,
            where,
        )
        checkpoint, first, last = (request.get(field) for field in ('checkpoint', 'first', 'last'))
        is_central = (
            isinstance(checkpoint, dict)
            and is_count(checkpoint.get('size'))
            and is_hash(checkpoint.get('root'))
            and is_count(first)
            and is_count(last)
            and first <= last <= checkpoint['size']
            and manifest['entries'] == last - first
        )
        is_device_only = not {'checkpoint', 'first', 'last'} & set(request) and manifest['entries'] == 0 == tail['first']
        must(is_central or is_device_only, 'manifest.fields', None, where)
        known = all(field in FILTER_FIELDS and FILTER_FIELDS[field](value) for field, value in request['filter'].items())
        must(known, 'manifest.filter', None, where)
        self.manifest = manifest
        if is_central:
            self.central = Central(request)
            for name in CENTRAL_MEMBERS:
                must(name in self.bundle.members, 'member.missing', None, name)

    def read_devices(self):
        where = 'log/devices.jsonl'
        org = self.manifest['org']
        text = self.bundle.text(where)
        must(text is not None and text.endswith('\n'), 'devices.line', None, where)
        for index, line in enumerate(text[:-1].split('\n')):
            value = canonical(line.encode('utf-8'))
            must(is_device_line(value, self.central is not None), 'devices.line', index, where)
            must(index == 0 or self.devices[index - 1].dev < value['dev'], 'devices.order', index, where)
            log_key, checkpoint_key = parsed_key(value['log']), parsed_key(value['checkpoint'])
            must(log_key is not None and log_key.name == device_origin(org, value['dev']), 'devices.key', index, where)
            must(checkpoint_key is not None and checkpoint_key.name == central_origin(org), 'devices.key', index, where)
            device = Device(index, value, log_key, checkpoint_key)
            if device.first is not None:
                left = covering_levels(0, device.first)
                must(len(value['range']) >= len(left), 'devices.range', index, where)
                for place, level in enumerate(left):
                    device.tree.append(hash_of(value['range'][place]), level)
                device.right = [hash_of(one) for one in value['range'][len(left):]]
            self.devices.append(device)
        self.device = {device.dev: device for device in self.devices}
        self.exporter = self.device.get(self.manifest['device'])
        must(self.exporter is not None, 'devices.exporter', None, where, self.manifest['device'])
        must(self.bundle.text('log/policy') == policy_text(self.devices), 'policy.differs', None, 'log/policy')
        for device in self.devices:
            for kind, key in (('log', device.log_key), ('checkpoint', device.checkpoint_key)):
                name = 'keys/%d.%s.pem' % (device.index, kind)
                must(name in self.bundle.members, 'member.missing', device.index, name)
                must(self.bundle.text(name) == pem_of(key.key), 'keys.differ', device.index, name)
        key = self.exporter.log_key
        signers = '%s namespaces="latchkey-export" ssh-ed25519 %s\n' % (key.name, base64_text(ssh_key(key.key)))
        must(self.bundle.text('keys/allowed_signers') == signers, 'keys.differ', None, 'keys/allowed_signers')

    def read_tail_checkpoint(self):
        where = 'device/checkpoint'
        key = self.exporter.log_key
        text = self.bundle.text(where)
        note = None if text is None else parsed_checkpoint(text)
        is_own = note is not None and note.origin == key.name and note.size == self.manifest['tail']['size']
        must(is_own, 'tail.note', None, where)
        self.tail_note = note
        signature = signature_of(note, key)
        must(signature == 'valid', 'tail.signature', None, where, 'valid', signature)

    def read_checkpoint(self):
        where = 'log/checkpoint'
        central = self.central
        self.checkpoint_text = self.bundle.text(where)
        note = None if self.checkpoint_text is None else parsed_checkpoint(self.checkpoint_text)
        must(note is not None, 'checkpoint.note', None, where)
        must(note.origin == central_origin(self.manifest['org']), 'checkpoint.origin', None, where, None, note.origin)
        expected = '%d %s' % (central.size, central.root)
        must(note.size == central.size and note.root == central.root, 'checkpoint.manifest', None, where, expected)
        revoked = 0
        for device in self.devices:
            signature = signature_of(note, device.checkpoint_key)
            must(signature != 'false', 'checkpoint.signature', device.index, where)
            if signature != 'valid':
                continue
            if device.revoke is None or device.revoke >= central.size:
                self.signers.append(device)
            else:
                revoked += 1
        must(revoked == 0 or self.signers, 'checkpoint.revoked', None, where)
        must(self.signers, 'checkpoint.unsigned', None, where)

    def hash_lines(self, name):
        """Hashes of a member, one a line; None where it is not that."""
        text = self.bundle.text(name)
        if text == '':
            return []
        if text is None or not text.endswith('\n'):
            return None
        hashes = [hash_of(line) for line in text[:-1].split('\n')]
        return None if None in hashes else hashes

    def check_log(self):
        central = self.central
        self.lines = Lines(self.bundle.chunks(DISCLOSURES), LONGEST_LINE)
        must(central.last > central.first, 'log.empty', None, ENTRIES)
        is_held = self.held is not None and self.held.origin == central_origin(self.manifest['org'])
        self.check_entries(
            'log', central.first, central.first, central.last, central.size, central.root_hash, 'i', is_held, self.look_in_log
        )

    def look_in_log(self, entry, index, value):
        if entry['dev'] == 'central':
            self.look_at_central(entry, index)
        else:
            self.look_at_device(entry, index, value)

    def check_tail(self):
        first, size = self.manifest['tail']['first'], self.manifest['tail']['size']
        exporter, central = self.exporter, self.central
        if self.lines is None:
            self.lines = Lines(self.bundle.chunks(DISCLOSURES), LONGEST_LINE)
        state = {'at': first}

        def look(entry, index, _value):
            must(entry['dev'] == exporter.dev, 'entry.device', index, TAIL, exporter.dev, entry['dev'])
            must(entry['seq'] == state['at'] + 1, 'entry.sequence', index, TAIL, state['at'] + 1, entry['seq'])
            state['at'] += 1
            if central:
                self.look_at_seen(entry, index, TAIL, exporter, central.size)
            self.latest = entry

        root = hash_of(self.tail_note.root) if self.tail_note else None
        is_held = self.held is not None and self.held.origin == exporter.log_key.name
        self.check_entries('device', first + 1, first, size, size, root, 's', is_held, look)
        if self.discloses:
            must(not self.has_ahead(), 'disclosure.order', None, DISCLOSURES)
            wanted = self.manifest['matched']
            must(self.matched == wanted, 'manifest.matched', None, 'manifest.json', wanted, self.matched)
        if not central or not self.log_holds:
            return
        reaches = 0 if central.first == 0 and exporter.first is None else exporter.last
        is_at_end = central.last == central.size and reaches is not None
        must(not is_at_end or reaches == first, 'tail.gap', first + 1, TAIL, reaches, first)
        must(reaches is None or reaches <= first, 'tail.gap', first + 1, TAIL)

    def check_entries(self, folder, index, first, last, size, root, key, is_held, look):
        """Reads entries beside their leaf hashes. What an entry says is looked at as long as entries and hashes agree; at the end
        the roots tell which of the two is the signed one."""
        bundle = self.bundle
        where = folder + '/entries.jsonl'
        count = last - first
        completing = self.hash_lines(folder + '/range')
        left, right = covering_levels(0, first), covering_levels(last, size)
        is_fitting = completing is not None and len(completing) == len(left) + len(right)
        must(is_fitting, 'range.hashes', None, folder + '/range')
        listed_size = bundle.members[folder + '/leaves'].size
        must(listed_size == count * 32, 'leaves.length', None, folder + '/leaves', count * 32, listed_size)
        tree = Tree()
        for place, level in enumerate(left):
            tree.append(completing[place], level)
        lines = Lines(bundle.chunks(where), LONGEST_ENTRY)
        leaves = Hashes(bundle.chunks(folder + '/leaves'))
        self.discloses = folder == 'log' or self.log_holds
        read = 0
        is_surplus = False
        listed_tree = None  # the tree of the listed hashes, from where they differ
        differs_at = -1
        computed, listed = [], []
        pending = None
        held_at = self.held.size - first if is_held else -1
        if held_at == 0:
            self.held_found = tree.root()
        while True:
            line = lines.next()
            if line is None:
                break
            if read == count:
                is_surplus = True
                lines.drain()
                break
            leaf = leaves.next()
            value = hashlib.sha256(b'\x00' + line).digest()
            if listed_tree is None and value != leaf:
                listed_tree = tree.clone()
                differs_at = read
            tree.append(value)
            if listed_tree is not None:
                if len(computed) < 2:
                    computed.append(value)
                    listed.append(leaf)
                listed_tree.append(leaf)
            elif pending is None:
                try:
                    if self.discloses and self.ahead is MISSING:
                        self.read_ahead(index + read)
                    self.look_at_entry(line, index + read, value, where, key, look)
                except Finding as finding:
                    pending = (read, finding)
                    self.discloses = False
            read += 1
            if read == held_at:
                self.held_found = tree.root()
        if listed_tree is None and read < count:
            listed_tree = tree.clone()
        if listed_tree is not None:
            for _ in range(read, count):
                leaf = leaves.next()
                listed_tree.append(leaf)
                if len(listed) == 1:
                    listed.append(leaf)
        if pending:
            self.findings.append(pending[1])
        if root is None:
            return
        rest = completing[len(left):]

        def is_signed(one):
            for place, level in enumerate(right):
                one.append(rest[place], level)
            return one.root() == root

        is_whole = read == count and not is_surplus and not lines.overlong and not lines.left
        are_entries_signed = read == count and is_signed(tree)
        are_listed_signed = are_entries_signed if listed_tree is None else is_signed(listed_tree)
        differs = differs_at >= 0
        if differs or not is_whole:
            self.discloses = False
        is_edited = differs and are_listed_signed
        is_next = is_edited and len(listed) > 1 and computed[0] == listed[1]
        is_before = is_edited and len(computed) > 1 and computed[1] == listed[0]
        at = index + differs_at
        if are_listed_signed or are_entries_signed:
            self.checked += pending[0] if pending else differs_at if differs else read
        was, now = (listed[0].hex(), computed[0].hex()) if differs else (None, None)
        must(not (is_next and is_before), 'entry.swapped', at, where, was, now)
        must(not is_next, 'entry.missing', at, where, was, now)
        must(not is_before, 'entry.inserted', at, where, was, now)
        must(not is_edited, 'entry.edited', at, where, was, now)
        must(not (differs and are_entries_signed), 'leaves.edited', at, folder + '/leaves', now, was)
        holds = are_listed_signed or are_entries_signed or read != count
        must(holds, 'log.root', at if differs else None, where, root.hex())
        must(not lines.overlong, 'entry.size', index + read, where, LONGEST_ENTRY)
        must(is_surplus or not lines.left, 'log.framing', index + read, where)
        must(read == count, 'log.missing', index + read, where, count, read)
        must(not is_surplus, 'log.surplus', index + read, where, count)

    def look_at_entry(self, line, index, value, where, key, look):
        entry = canonical(line)
        must(isinstance(entry, dict), 'entry.canonical', index, where)
        must(entry.get('v') == 'latchkey/1', 'entry.version', index, where, 'latchkey/1')
        must(is_entry(entry), 'entry.fields', index, where)
        org = self.manifest['org']
        must(entry['org'] == org, 'entry.organization', index, where, org, entry['org'])
        look(entry, index, value)
        if self.discloses:
            self.look_at_disclosures(entry, index, key)

    def look_at_device(self, entry, index, value):
        device = self.device.get(entry['dev'])
        must(device is not None and device.first is not None, 'entry.device', index, ENTRIES, None, entry['dev'])
        must(device.join < index, 'entry.joined', index, ENTRIES, device.join, index)
        must(device.revoke is None or index < device.revoke, 'entry.revoked', index, ENTRIES, device.revoke, index)
        must(entry['seq'] == device.count + 1, 'entry.sequence', index, ENTRIES, device.count + 1, entry['seq'])
        device.count += 1
        device.tree.append(value)
        ahead = device.ahead
        if ahead is not None and ahead.size == device.count:
            device.ahead = None
            self.compare_note(device, ahead, device.tree.root(), index)
        self.look_at_seen(entry, index, ENTRIES, device, index)

    def look_at_seen(self, entry, index, where, device, size):
        """What a device had seen of the central log. After a declared restore that is told of the log that went on alone."""
        if 'cen' not in entry:
            return
        is_of_this_log = self.central.first == 0 if self.epoch is MISSING else is_same(entry.get('ep', MISSING), self.epoch)
        if not is_of_this_log:
            return
        seen, root = entry['cen']
        must(seen <= size, 'entry.ahead', index, where, size, seen)
        must(device.seen is None or seen >= device.seen.size, 'entry.back', index, where, None, seen)
        device.seen = Seen(seen, root, index, where)

    def look_at_central(self, entry, index):
        act = entry['act']
        device = self.device.get(entry['obj']['id']) if 'obj' in entry else None
        if act == 'device.join':
            must(device is not None and device.join == index and is_join_of(entry, device), 'join.keys', index, ENTRIES)
            device.joined = True
        elif act == 'device.revoke':
            must(device is not None and device.revoke == index, 'revoke.missing', index, ENTRIES)
            device.revoked = True
        elif act == 'device.checkpoint':
            note = parsed_checkpoint(entry['note']) if isinstance(entry.get('note'), str) else None
            is_own = device is not None and note is not None and note.origin == device.log_key.name
            must(is_own, 'note.format', index, ENTRIES)
            if device.first is not None:
                self.look_at_note(device, note, index)
        elif act == 'epoch.begin':
            must(is_text(entry.get('epoch')) or is_count(entry.get('epoch')), 'entry.fields', index, ENTRIES)
            self.epoch = entry['epoch']
            for one in self.devices:
                one.seen = None
        elif act == 'erasure.done':
            self.erasures.add(index)

    def look_at_note(self, device, note, index):
        must(note.size >= device.note_size, 'note.back', index, ENTRIES, device.note_size, note.size)
        if note.size == device.count:
            self.compare_note(device, note, device.tree.root(), index)
        elif note.size == device.note_size and device.note_root is not None:
            self.compare_note(device, note, hash_of(device.note_root), index)
        elif note.size > device.count:
            device.ahead = note
        device.note_size, device.note_root = note.size, note.root

    def compare_note(self, device, note, root, index):
        if hash_of(note.root) == root:
            return
        is_signed = signature_of(note, device.log_key) == 'valid'
        if is_signed:
            self.forks.append({'device': device.dev, 'size': note.size, 'index': index})
        must(not is_signed, 'note.fork', index, ENTRIES, base64_text(root), note.root)
        must(is_signed, 'note.root', index, ENTRIES, base64_text(root), note.root)

    def has_ahead(self):
        """Whether there is another line of disclosures."""
        if self.ahead is MISSING:
            self.read_ahead(None)
        return self.ahead is not None

    def read_ahead(self, index):
        """Brings the next line of disclosures; None after the last."""
        data = self.lines.next()
        if data is None:
            must(not self.lines.overlong and not self.lines.left, 'disclosure.line', index, DISCLOSURES)
            self.ahead = None
            return
        line = canonical(data)
        must(is_disclosure_line(line), 'disclosure.line', index, DISCLOSURES)
        self.ahead = line

    def look_at_disclosures(self, entry, index, key):
        ahead = self.ahead
        is_own = ahead is not None and ahead.get(key) == index
        is_late = False
        if ahead is not None and not is_own:
            is_late = not ahead.get('s', -1) > index if key == 's' else ahead.get('i', index) < index
        must(not is_late, 'disclosure.order', index, DISCLOSURES)
        is_match = matches(self.manifest['export']['filter'], entry)
        digests = entry.get('_sd', [])
        must(not is_own or (is_match and digests), 'disclosure.surplus', index, DISCLOSURES)
        must(is_own or not is_match or not digests, 'disclosure.missing', index, DISCLOSURES)
        if not is_match:
            return
        self.matched += 1
        disclosed, erased = {}, []
        if is_own:
            left = set(digests)
            for text in ahead['d']:
                digest = base64_url(sha256(text.encode('utf-8')))
                must(digest in left, 'disclosure.unknown', index, DISCLOSURES)
                left.discard(digest)
                one = parsed_disclosure(text)
                must(one is not None, 'disclosure.content', index, DISCLOSURES)
                disclosed.setdefault(*one)
            for digest, under in ahead['e']:
                must(digest in left, 'disclosure.unknown', index, DISCLOSURES)
                left.discard(digest)
                if under not in erased:
                    erased.append(under)
                    self.erased.append({'index': index, 'log': 'central' if key == 'i' else 'device', 'under': under})
            must(not left, 'disclosure.missing', index, DISCLOSURES)
            self.ahead = MISSING
        place = index if key == 'i' else None
        self.csv.append(csv_row(entry, place, disclosed, erased))
        self.ocsf.append(ocsf_line(entry, place, disclosed))

    def check_devices(self):
        """Each device's log, as it signed it, against its entries in the central log."""
        where = 'log/devices.jsonl'
        inside = range(self.central.first, self.central.last)
        for device in self.devices:
            index = device.index
            must(device.joined or device.join not in inside, 'join.missing', index, where, device.join)
            must(device.revoked or device.revoke not in inside, 'revoke.missing', index, where, device.revoke)
            if device.first is None:
                continue
            must(device.count == device.last, 'device.entries', index, where, device.last, device.count)
            is_exporter = device is self.exporter
            if is_exporter and not self.tail_note:
                continue
            note = self.tail_note if is_exporter else parsed_checkpoint(device.note or '')
            must(note is not None and note.origin == device.log_key.name, 'device.note', index, where)
            is_signed = is_exporter or signature_of(note, device.log_key) == 'valid'
            must(is_signed, 'device.signature', index, where)
            must(note.size >= device.last, 'device.uncovered', index, where, device.last, note.size)
            right = covering_levels(device.last, note.size)
            must(len(device.right) == len(right), 'devices.range', index, where)
            tree = device.tree.clone()
            for place, level in enumerate(right):
                tree.append(device.right[place], level)
            device.signed_to = note.size
            must(tree.root() == hash_of(note.root), 'device.root', index, where, note.root, base64_text(tree.root()))

    def check_export(self):
        if not self.tail_holds:
            return
        latest, size = self.latest, self.manifest['tail']['size']
        must(latest is not None and latest['act'] == 'audit.export', 'export.unrecorded', size, TAIL)
        request = sha256(canonical_text(self.manifest['export']).encode('utf-8')).hex()
        recorded = latest.get('chg', {}).get('h')
        must(recorded == request, 'export.request', size, TAIL, recorded, request)

    def check_proofs(self):
        """What the range does not hold and the bundle rests on."""
        inside = range(self.central.first, self.central.last)
        for device in self.devices:
            if device.join not in inside:
                leaf = self.proven_leaf(device.join)
                is_own = leaf['act'] == 'device.join' and leaf.get('obj', {}).get('id') == device.dev
                must(is_own and is_join_of(leaf, device), 'join.keys', device.join)
            if device.revoke is not None and device.revoke not in inside:
                leaf = self.proven_leaf(device.revoke)
                is_own = leaf['act'] == 'device.revoke' and leaf.get('obj', {}).get('id') == device.dev
                must(is_own, 'revoke.missing', device.revoke)
        proven = set()
        for one in self.erased:
            under = one['under']
            if under in proven:
                continue
            proven.add(under)
            is_erasure = under in self.erasures if under in inside else self.proven_leaf(under)['act'] == 'erasure.done'
            must(is_erasure, 'erased.unproven', one['index'], DISCLOSURES, 'erasure.done')

    def proven_leaf(self, index):
        where = 'proofs/%d.tlog-proof' % index
        must(where in self.bundle.members, 'proof.missing', index, where)
        text = self.bundle.text(where) or ''
        end = text.find('\n\n')
        lines = text[:max(end, 0)].split('\n')
        extra = lines[1] if len(lines) > 1 else ''
        data = from_base64(extra[6:]) if extra.startswith('extra ') else None
        leaf = MISSING if data is None else canonical(data)
        proof = [hash_of(line) for line in lines[3:]]
        must(
            lines[0] == 'c2sp.org/tlog-proof@v1'
            and isinstance(leaf, dict)
            and leaf.get('v') == 'latchkey/1'
            and is_entry(leaf)
            and leaf['org'] == self.manifest['org']
            and leaf['dev'] == 'central'
            and len(lines) > 2
            and lines[2] == 'index %d' % index
            and None not in proof
            and text[end + 2:] == self.checkpoint_text,
            'proof.format',
            index,
            where,
        )
        is_in = is_included(leaf_hash(data), index, self.central.size, proof, self.central.root_hash)
        must(is_in, 'proof.inclusion', index, where)
        return leaf

    def check_consistency(self):
        """Each device's last view of the central log must be a beginning of this one."""
        for device in self.devices:
            seen = device.seen
            if seen is None:
                continue
            name = 'log/consistency/%d.txt' % seen.size
            proof = self.consistency_proof(seen.size)
            must(proof is not MISSING, 'consistency.missing', seen.index, seen.where, name)
            must(proof is not None, 'consistency.format', seen.index, name)
            is_beginning = self.is_beginning(seen.size, hash_of(seen.root), proof)
            must(is_beginning, 'consistency.fork', seen.index, seen.where, None, '%d %s' % (seen.size, seen.root))

    def consistency_proof(self, size):
        """MISSING where there is none, None where it is malformed."""
        name = 'log/consistency/%d.txt' % size
        if size in (0, self.central.size):
            return []
        return self.hash_lines(name) if name in self.bundle.members else MISSING

    def is_beginning(self, size, root, proof):
        return is_consistent(size, self.central.size, root, self.central.root_hash, proof)

    def check_views(self):
        if not self.discloses or not self.log_holds or not self.tail_holds:
            return
        for view, name, code in ((self.csv, 'views/audit.csv', 'view.csv'), (self.ocsf, 'views/ocsf.jsonl', 'view.ocsf')):
            self.bundle.drain(name)
            expected, found = view.digest.hexdigest(), self.bundle.hashes[name]
            must(expected == found, code, None, name, expected, found)

    def check_sums(self):
        where = 'SHA256SUMS'
        for name in self.bundle.members:
            self.bundle.drain(name)
        self.sums = self.bundle.small(where)
        text = decoded(self.sums)
        must(text is not None and text.endswith('\n'), 'sums.format', None, where)
        listed = set()
        hashes = self.bundle.hashes
        for index, line in enumerate(text[:-1].split('\n')):
            match = re.fullmatch('([0-9a-f]{64}) {2}([^ ]+)', line)
            must(match is not None and match.group(2) not in listed, 'sums.format', index, where)
            value, name = match.groups()
            listed.add(name)
            must(name in hashes, 'sums.missing', index, name)
            must(hashes[name] == value, 'sums.hash', index, name, value, hashes[name])
        for name in hashes:
            must(name in listed or name in (where, where + '.sig'), 'sums.unlisted', None, name)

    def check_signature(self):
        where = 'SHA256SUMS.sig'
        text = self.bundle.text(where) or ''
        armor = re.fullmatch(
            '-----BEGIN SSH SIGNATURE-----\n([A-Za-z0-9+/=\n]+)\n-----END SSH SIGNATURE-----\n', text
        )
        blob = from_base64(armor.group(1).replace('\n', '')) if armor else None
        key = self.exporter.log_key.key
        # The form is fixed but for the signature, its last 64 bytes, and the key.
        must(blob and len(text) == len(ssh_signature(key, bytes(64))), 'signature.format', None, where)
        signature, signer = blob[-64:], blob[33:65]
        must(ssh_signature(signer, signature) == text, 'signature.format', None, where)
        must(signer == key, 'signature.key', None, where)
        sums = self.bundle.small('SHA256SUMS') if self.sums is None else self.sums
        is_signed = ed25519(signer, ssh_signed(hashlib.sha512(sums).digest()), signature)
        must(is_signed, 'signature.false', None, where)

    def check_held(self):
        held, central, manifest = self.held, self.central, self.manifest
        is_central = central is not None and held.origin == central_origin(manifest['org'])
        must(is_central or held.origin == self.exporter.log_key.name, 'held.origin', None, None, None, held.origin)
        size = central.size if is_central else manifest['tail']['size']
        must(held.size <= size, 'held.newer', None, None, held.size, size)
        root = hash_of(held.root)
        if self.held_found is not None:
            must(self.held_found == root, 'held.fork', None, None, held.root, base64_text(self.held_found))
            return
        proof = self.consistency_proof(held.size) if is_central else MISSING
        must(isinstance(proof, list), 'held.unproven', None, None, held.size)
        must(self.is_beginning(held.size, root, proof), 'held.fork', None, None, held.root)

    def check_trust(self):
        must(self.trust, 'trust.none')
        is_signer_trusted = any(device.checkpoint in self.trust for device in self.signers)
        is_exporter_trusted = self.exporter.log in self.trust and (not self.central or self.exporter.revoke is None)
        must(is_signer_trusted or is_exporter_trusted, 'trust.other')


# ---------------------------------------------------------------------------------------------- the report


def shown_finding(finding):
    if finding is None:
        return dict.fromkeys(('code', 'index', 'where', 'expected', 'found', 'meaning'))
    return {
        'code': finding.code,
        'index': finding.index,
        'where': finding.where,
        'expected': finding.expected,
        'found': finding.found,
        'meaning': CODES[finding.code][1],
    }


def report_of(verification):
    findings, manifest, central = verification.findings, verification.manifest, verification.central
    ranked = sorted(findings, key=lambda finding: PRECEDENCE.index(CODES[finding.code][0]))
    first = ranked[0] if ranked else None
    report = {'verdict': CODES[first.code][0] if first else 'VERIFIED', 'level': None}
    report.update(shown_finding(first))
    report.update(
        findings=[shown_finding(finding) for finding in findings],
        entries={'checked': 0, 'claimed': 0},
        devices=[],
        tail=0,
        erased=[],
        forks=verification.forks,
        filter=None,
        rollback=None,
        notProven=[],
    )
    if not manifest or not verification.exporter:
        return report
    tail = manifest['tail']
    is_complete = verification.log_holds and verification.tail_holds and verification.discloses
    report.update(
        level='CENTRAL' if central else 'DEVICE-ONLY',
        organization=manifest['org'],
        device=manifest['device'],
        exported=manifest['exported'],
        entries={'checked': verification.checked, 'claimed': manifest['entries'] + tail['size'] - tail['first']},
        range={'first': central.first, 'last': central.last, 'size': central.size, 'root': central.root} if central else None,
        signers=[device.dev for device in verification.signers],
        devices=[
            {
                'id': device.dev,
                'entries': 0 if device.first is None else device.count - device.first,
                'last': device.count,
                'signedTo': device.signed_to or (tail['size'] if device is verification.exporter else None),
                'revokedAt': device.revoke,
            }
            for device in verification.devices
        ],
        tail=tail['size'] - tail['first'],
        erased=verification.erased[:1000],
        erasedEntries=len(verification.erased),
        filter=dict(manifest['export']['filter'], matched=verification.matched, complete=is_complete),
        rollback=manifest['rollback'],
        notProven=not_proven(verification),
    )
    return report


def not_proven(verification):
    manifest, central = verification.manifest, verification.central
    tail = manifest['tail']
    lines = ['That what was entered at the source was true.']
    if not verification.held:
        lines.append('That this is the newest bundle: hold it against a checkpoint of your own with --checkpoint.')
    if not central:
        lines.append('That the device keeps no other history: no central log has seen these entries.')
    else:
        lines.append(
            'That the device\u2019s last %d entries were not changed before the export: central has not seen them yet.'
            % (tail['size'] - tail['first'])
        )
        if central.first > 0 or central.last < central.size:
            lines.append(
                'Anything of the entries before %d and from %d on, but that they are %d in all: the bundle does not hold them.'
                % (central.first, central.last, central.size)
            )
        lines.append('That no second central log was shown to others: no witness outside of the organization signed.')
    if manifest['export']['filter']:
        lines.append('What the entries that the filter does not ask for had to disclose.')
    if manifest['rollback'] == 'none':
        lines.append(
            'That the device was not set back as a whole: it has no place outside of its folder to remember its log by.'
        )
    return lines


def report_text(report):
    """A report in words."""
    is_verified = report['verdict'] == 'VERIFIED'
    lines = ['VERIFIED (%s)' % report['level'] if is_verified else '%s %s' % (report['verdict'], report['code'])]
    if report['meaning']:
        lines.append(report['meaning'])
    for field, words in (('where', '  in %s'), ('index', '  first at %s'), ('expected', '  expected %s'), ('found', '  found    %s')):
        if report[field] is not None and report[field] != '':
            lines.append(words % report[field])
    for one in report['findings']:
        if one['code'] != report['code']:
            lines.append('Also %s: %s' % (one['code'], one['meaning']))
    lines.append('Entries checked: %d of %d.' % (report['entries']['checked'], report['entries']['claimed']))
    if 'organization' in report:
        lines.append('Organization %s, exported %s by device %s.' % (report['organization'], report['exported'], report['device']))
        if report['range']:
            lines.append('Central log: entries %(first)d to %(last)d of %(size)d, root %(root)s.' % report['range'])
            lines.append('Signed by: %s.' % (', '.join(report['signers']) or 'nobody known'))
        for one in report['devices']:
            signed = '' if one['signedTo'] is None else ', signed up to %d' % one['signedTo']
            revoked = '' if one['revokedAt'] is None else ', revoked under #%d' % one['revokedAt']
            lines.append('Device %s: %d entries%s%s.' % (one['id'], one['entries'], signed, revoked))
        lines.append('Seen by the device alone: %d.' % report['tail'])
        for under in dict.fromkeys(one['under'] for one in report['erased']):
            places = ['%s %d' % (one['log'], one['index']) for one in report['erased'] if one['under'] == under]
            lines.append('Erased under #%d: %s.' % (under, ', '.join(places[:20])))
        for fork in report['forks']:
            lines.append('Fork: device %(device)s at %(size)d, told by #%(index)d.' % fork)
        wanted = {field: value for field, value in report['filter'].items() if field not in ('matched', 'complete')}
        lines.append(
            'Filter: %s; %d entries match; %s.'
            % (
                written(wanted) if wanted else 'none',
                report['filter']['matched'],
                'none was left out' if report['filter']['complete'] else 'whether one was left out is not proven',
            )
        )
        lines.append('Not proven:')
        lines += ['- ' + line for line in report['notProven']]
    # What stands in a bundle must not steer the terminal that shows it.
    return '\n'.join(''.join(c if c.isprintable() else ' ' for c in line) for line in lines)


def verify(file, trust=(), checkpoint=None):
    """A report on a bundle, whatever it is. `trust`: verifier keys; `checkpoint`: the text of one that the auditor holds."""
    for key in trust:
        if parsed_key(key) is None:
            raise ValueError('This is no verifier key: %s' % key)
    held = None if checkpoint is None else parsed_checkpoint(checkpoint)
    if checkpoint is not None and held is None:
        raise ValueError('This is no checkpoint.')
    verification = Verification(list(trust), held)

    def open_bundle():
        total = file.seek(0, os.SEEK_END)
        verification.bundle = Bundle(file, zip_members(file, total))

    try:
        if verification.part(open_bundle):
            verification.run()
            # What was not readable is a finding already; what nobody read may still be damaged.
            for name in verification.bundle.members:
                verification.bundle.drain(name)
    except Damage:
        verification.findings = [Finding('zip.data', None, verification.bundle.first_damaged())]
    except Exception as error:  # a verdict, whatever happens
        verification.findings.append(Finding('internal', None, None, None, str(error)))
    return report_of(verification)


def keys_in(text):
    """Verifier keys in a text: one a line, alone or after `log`, as in a C2SP policy."""
    lines = [line.strip() for line in text.split('\n')]
    kept = [line for line in lines if line and not line.startswith('#') and not line.startswith('quorum ')]
    return [line[4:] if line.startswith('log ') else line for line in kept]


USAGE = 'Usage: python3 verify.py FILE [--trust VKEY|FILE]... [--checkpoint FILE] [--json]'


def main(args):
    trust, path, checkpoint, as_json = [], None, None, False
    try:
        at = 0
        while at < len(args):
            arg = args[at]
            if arg in ('--trust', '--checkpoint') and at + 1 >= len(args):
                raise ValueError('%s needs a value.' % arg)
            if arg == '--json':
                as_json = True
            elif arg == '--trust':
                at += 1
                if os.path.exists(args[at]):
                    with open(args[at], encoding='utf-8') as given:
                        trust += keys_in(given.read())
                else:
                    trust.append(args[at])
            elif arg == '--checkpoint':
                at += 1
                with open(args[at], encoding='utf-8', newline='') as given:
                    checkpoint = given.read()
            elif arg.startswith('-') or path is not None:
                raise ValueError('What is %s?' % arg)
            else:
                path = arg
            at += 1
        if path is None:
            raise ValueError('Which file?')
        with open(path, 'rb') as file:
            report = verify(file, trust, checkpoint)
    except (ValueError, OSError) as error:
        print('%s\n%s' % (error, USAGE), file=sys.stderr)
        return 2
    text = json.dumps(report, ensure_ascii=False) if as_json else report_text(report)
    sys.stdout.buffer.write(text.encode('utf-8', 'backslashreplace') + b'\n')
    return {'VERIFIED': 0, 'TAMPERED': 1}.get(report['verdict'], 3)


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
