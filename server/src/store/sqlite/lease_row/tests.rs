//! Every row survives its bytes, and what no row has is damage.

use proptest::prelude::*;

use super::*;

const WITHOUT_A_LEASE: LeaseRow = LeaseRow {
    version: Version(3),
    revision: Revision(0x0102),
    last_heartbeat_at: None,
    expires_at: None,
    beats: 0,
};

const WITH_A_LEASE: LeaseRow = LeaseRow {
    last_heartbeat_at: Some(WallTime(0x0a0b_0c0d_0e0f)),
    expires_at: Some(LeaseInstant(1)),
    beats: 7,
    ..WITHOUT_A_LEASE
};

/// The greatest numbers that a narrow row holds.
const NARROW_MAX: u64 = (1 << 40) - 2;
const NARROW_WALL_MAX: u64 = (1 << 48) - 2;

fn number() -> impl Strategy<Value = u64> {
    let around = |edge: u64| edge - 2..=edge + 2;
    prop_oneof![
        0..1_000_u64,
        0..=NARROW_MAX,
        0..=STORABLE_MAX,
        around(NARROW_MAX),
        around(NARROW_WALL_MAX),
        Just(STORABLE_MAX)
    ]
}

fn lease_row() -> impl Strategy<Value = LeaseRow> {
    let optional = || prop::option::of(number());
    (number(), number(), optional(), optional(), number()).prop_map(
        |(version, revision, last_heartbeat_at, expires_at, beats)| LeaseRow {
            version: Version(version),
            revision: Revision(revision),
            last_heartbeat_at: last_heartbeat_at.map(WallTime),
            expires_at: expires_at.map(LeaseInstant),
            beats,
        },
    )
}

proptest! {
    #[test]
    fn a_row_survives_its_bytes(row in lease_row()) {
        let encoded = encode(&row);
        let bytes = encoded.as_bytes();
        prop_assert_eq!(decode(bytes), Ok(row));
        let head = &bytes[..HEAD_BYTES_MAX];
        prop_assert_eq!(version_of(head, bytes.len()), Some(row.version));
        let begins = |head: &Option<Vec<u8>>| head.as_ref().is_some_and(|h| bytes.starts_with(h));
        prop_assert_eq!(heads_at(row.version).iter().filter(|head| begins(head)).count(), 1);
    }

    #[test]
    fn any_bytes_are_a_row_or_damage(
        format in prop_oneof![1..=2_u8, any::<u8>()],
        length in prop_oneof![Just(26_usize), Just(40), 0..60_usize],
        byte in prop::collection::vec(any::<u8>(), 60),
    ) {
        let bytes = [&[format][..], &byte[..length]].concat();
        let version = version_of(&bytes[..bytes.len().min(HEAD_BYTES_MAX)], bytes.len());
        if let Ok(row) = decode(&bytes) {
            prop_assert_eq!(decode(encode(&row).as_bytes()), Ok(row));
            prop_assert_eq!(version, Some(row.version));
        }
    }
}

#[test]
fn the_layouts_are_those_of_the_schema() {
    let narrow = [
        &[1][..],
        &[0, 0, 0, 0, 3],
        &[0, 0, 0, 1, 2],
        &[10, 11, 12, 13, 14, 15],
        &[0xff; 5],
        &[0, 0, 0, 0, 7],
    ];
    let row = LeaseRow { expires_at: None, ..WITH_A_LEASE };
    assert_eq!(encode(&row).as_bytes(), narrow.concat());
    assert_eq!(narrow.concat().len(), 27);
    let wide = [
        &[2][..],
        &[0, 0, 0, 0, 0, 0, 0, 3],
        &[0, 0, 0, 0, 0, 0, 1, 2],
        &[0, 0, 10, 11, 12, 13, 14, 15],
        &[0xff; 8],
        &[0, 1, 0, 0, 0, 0, 0, 0],
    ];
    let row = LeaseRow { beats: 1 << 48, ..row };
    assert_eq!(encode(&row).as_bytes(), wide.concat());
    assert_eq!(wide.concat().len(), 41);
}

#[test]
fn a_row_is_wide_only_if_a_number_is_too_great_for_a_narrow_one() {
    let narrow = LeaseRow {
        version: Version(NARROW_MAX),
        revision: Revision(NARROW_MAX),
        last_heartbeat_at: Some(WallTime(NARROW_WALL_MAX)),
        expires_at: Some(LeaseInstant(NARROW_MAX)),
        beats: NARROW_MAX,
    };
    assert_eq!(encode(&narrow).as_bytes().len(), 27);
    assert_eq!(decode(encode(&narrow).as_bytes()), Ok(narrow));
    let wall = Some(WallTime(NARROW_WALL_MAX + 1));
    let lease = Some(LeaseInstant(NARROW_MAX + 1));
    for wide in [
        LeaseRow { version: Version(NARROW_MAX + 1), ..narrow },
        LeaseRow { revision: Revision(NARROW_MAX + 1), ..narrow },
        LeaseRow { last_heartbeat_at: wall, ..narrow },
        LeaseRow { expires_at: lease, ..narrow },
        LeaseRow { beats: NARROW_MAX + 1, ..narrow },
    ] {
        assert_eq!(encode(&wide).as_bytes().len(), 41);
        assert_eq!(decode(encode(&wide).as_bytes()), Ok(wide));
    }
}

#[test]
fn absence_is_told_from_the_greatest_number() {
    let greatest = LeaseRow {
        last_heartbeat_at: Some(WallTime(u64::MAX)),
        expires_at: Some(LeaseInstant(STORABLE_MAX + 1)),
        ..WITHOUT_A_LEASE
    };
    let read = decode(encode(&greatest).as_bytes()).unwrap();
    assert_eq!(read.last_heartbeat_at, Some(WallTime(STORABLE_MAX)));
    assert_eq!(read.expires_at, Some(LeaseInstant(STORABLE_MAX)));
    assert_eq!(decode(encode(&WITHOUT_A_LEASE).as_bytes()), Ok(WITHOUT_A_LEASE));
}

#[test]
fn no_row_is_at_a_version_that_cannot_be_stored() {
    let possible = |version| heads_at(Version(version)).map(|head| head.is_some());
    assert_eq!(possible(NARROW_MAX), [true, true]);
    assert_eq!(possible(NARROW_MAX + 1), [false, true]);
    assert_eq!(possible(STORABLE_MAX), [false, true]);
    assert_eq!(possible(STORABLE_MAX + 1), [false, false]);
}

#[test]
fn other_bytes_are_damage() {
    let wide = LeaseRow { revision: Revision(1 << 50), ..WITH_A_LEASE };
    // Which byte begins each number but those that may be absent.
    for (row, numbers) in [(WITH_A_LEASE, [1, 6, 22]), (wide, [1, 9, 33])] {
        let encoded = encode(&row);
        let whole = encoded.as_bytes();
        assert_eq!(decode(&whole[..whole.len() - 1]), Err(Damaged::Length(whole.len() - 1)));
        assert_eq!(decode(&[whole, &[0]].concat()), Err(Damaged::Length(whole.len() + 1)));
        let other = [&[3 - whole[0]], &whole[1..]].concat();
        assert_eq!(decode(&other), Err(Damaged::Length(whole.len())));
        for format in [0, 3, 0x20, 0xa5, 0xff] {
            let other = [&[format], &whole[1..]].concat();
            assert_eq!(decode(&other), Err(Damaged::Format(format)));
        }
        // Version, revision and beats are never absent.
        let width = numbers[1] - numbers[0];
        for at in numbers {
            let mut damaged = whole.to_vec();
            damaged[at..at + width].fill(0xff);
            assert_eq!(decode(&damaged), Err(Damaged::Number), "byte {at} of {}", whole.len());
        }
    }
    // Nothing is negative.
    for at in [1, 9, 17, 25, 33] {
        let mut damaged = encode(&wide).as_bytes().to_vec();
        damaged[at] = 0x80;
        assert_eq!(decode(&damaged), Err(Damaged::Number), "byte {at}");
    }
    assert_eq!(decode(&[]), Err(Damaged::Length(0)));
}
