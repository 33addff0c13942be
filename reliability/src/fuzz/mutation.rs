//! Bytes that were something once: flipped, cut, doubled, with lengths that lie.
//!
//! Must not know: what the bytes mean.

use fastrand::Rng;

/// No mutation makes bytes longer than this.
const BYTES_MAX: usize = 1 << 19;
/// Values that lengths, tags and counts do not expect.
const BYTES: [u8; 8] = [0, 1, 0x7f, 0x80, 0xff, 0x0b, 0x0c, 0xf8];

/// Changes `bytes` in one to four ways.
pub fn mutate(chance: &mut Rng, bytes: &mut Vec<u8>) {
    for _ in 0..chance.u8(1..5) {
        once(chance, bytes);
    }
    bytes.truncate(BYTES_MAX);
}

fn once(chance: &mut Rng, bytes: &mut Vec<u8>) {
    if bytes.is_empty() {
        bytes.extend((0..chance.usize(1..40)).map(|_| chance.u8(..)));
        return;
    }
    let at = chance.usize(0..bytes.len());
    let until = chance.usize(at..=bytes.len());
    match chance.u8(0..8) {
        // A bit.
        0 | 1 => bytes[at] ^= 1 << chance.u8(0..8),
        // A byte: often a tag or a length.
        2 | 3 => bytes[at] = BYTES[chance.usize(0..BYTES.len())],
        // The end is missing.
        4 => bytes.truncate(at),
        // A part twice: fields that come again.
        5 => {
            let again = bytes[at..until].to_vec();
            bytes.splice(until..until, again);
        }
        // A part is missing.
        6 => {
            bytes.drain(at..until);
        }
        // A length that does not end, or something that nobody knows.
        _ => {
            let noise: Vec<u8> = (0..chance.usize(1..12)).map(|_| chance.u8(..) | 0x80).collect();
            bytes.splice(at..at, noise);
        }
    }
}
