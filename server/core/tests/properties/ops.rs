//! The steps that a sequence is made of, and how they are drawn. What a step names of the
//! stored state ("the current session") is resolved when it is taken.

use proptest::prelude::*;

/// One step.
#[derive(Debug, Clone)]
pub enum Step {
    /// Time passes.
    Pass(Passing),
    /// The wall clock jumps, the lease clock does not.
    WallJumps(i64),
    /// The server restarts: the lease clock stood still, and boot grace counts from here.
    Restart,
    /// The workspace is deleted, if no session is stored.
    Delete,
    /// A file of an older installation is imported.
    Import(Import),
    /// Somebody asks for something.
    Ask { ask: Ask, principal: u8, operator: bool, cordoned: bool, strict: bool },
}

/// How time passes.
#[derive(Debug, Clone)]
pub enum Passing {
    /// So many milliseconds.
    Ms(u64),
    /// To so many milliseconds after the stored session's expiry, if that is not past.
    ToExpiry(i64),
    /// The same for the instant at which it stalls.
    ToStall(i64),
}

/// A file that is imported.
#[derive(Debug, Clone)]
pub enum Import {
    Session(Legacy),
    /// So many entries from a number on, of an age in seconds.
    Escalations {
        from: u8,
        count: u8,
        blocking: bool,
        age_s: u64,
    },
    /// The last one again.
    Again,
}

/// What an imported record has and lacks.
#[derive(Debug, Clone)]
pub struct Legacy {
    pub person: bool,
    pub id: bool,
    pub owner: bool,
    pub supervisor: bool,
    pub ttl_s: u64,
    pub heartbeat: bool,
    /// How long before now everything happened; negative means after it.
    pub age_s: i64,
    pub revision: u64,
}

/// What may be named of sessions and revisions.
#[derive(Debug, Clone, Copy)]
pub enum Named {
    Nothing,
    Current,
    Other,
}

#[derive(Debug, Clone, Copy)]
pub struct Expect {
    pub session: Named,
    pub revision: Named,
}

#[derive(Debug, Clone)]
pub struct Program {
    pub actor: &'static str,
    pub ttl_ms: u64,
    pub ttl_given: bool,
    pub supervisor: Option<&'static str>,
    pub instance: Option<&'static str>,
    pub supervises: bool,
}

/// A call. `None` for a program is a person.
#[derive(Debug, Clone)]
pub enum Ask {
    Start {
        program: Option<Program>,
        supersede: bool,
        mode: Option<bool>,
        expect: Expect,
    },
    Await {
        program: Option<Program>,
        supersede: bool,
        take_over: bool,
        claim_ms: u64,
        expect: Expect,
    },
    Beat {
        actor: &'static str,
        session: Named,
        activity: Option<&'static str>,
        told: Told,
    },
    Join {
        actor: &'static str,
        session: Named,
    },
    TakeOver {
        program: Option<Program>,
        expect: Expect,
    },
    Force {
        program: Option<Program>,
        grace_ms: u64,
        dry_run: bool,
        expect: Expect,
    },
    Cancel {
        expect: Expect,
    },
    Yield {
        actor: Option<&'static str>,
        expect: Expect,
    },
    Clear {
        actor: Option<&'static str>,
        expect: Expect,
    },
    /// So many at once, so that bounds are reached.
    Raise {
        blocking: bool,
        times: u8,
    },
    /// The one at a place of the list, or one that is not there.
    Resolve {
        at: usize,
    },
    PutGates {
        names: Vec<&'static str>,
        expect: Expect,
    },
    UpdateGate {
        name: &'static str,
        state: u8,
        note: Option<&'static str>,
        expect: Expect,
    },
    PutHandoff {
        title: &'static str,
        expect: Expect,
    },
    Register,
}

/// What a beat tells besides; mostly nothing.
#[derive(Debug, Clone, Default)]
pub struct Told {
    pub stream: Option<&'static str>,
    pub tokens: Option<u64>,
    pub gates: Option<u64>,
    pub checkpoint: Option<u8>,
    /// So many sections from a number on, with content or without.
    pub sections: Option<(u8, u8, bool)>,
}

pub fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        24 => (ask(), 0..2_u8, any::<bool>(), prop::bool::weighted(0.05), prop::bool::weighted(0.3))
            .prop_map(|(ask, principal, operator, cordoned, strict)| {
                Step::Ask { ask, principal, operator, cordoned, strict }
            }),
        8 => passing().prop_map(Step::Pass),
        1 => (-100_000_000..100_000_000_i64).prop_map(Step::WallJumps),
        2 => Just(Step::Restart),
        2 => Just(Step::Delete),
        2 => import().prop_map(Step::Import),
    ]
}

fn passing() -> impl Strategy<Value = Passing> {
    prop_oneof![
        3 => (0..3_000_u64).prop_map(Passing::Ms),
        2 => (0..90_000_u64).prop_map(Passing::Ms),
        1 => (0..90_000_000_u64).prop_map(Passing::Ms),
        4 => (-1..=1_i64).prop_map(Passing::ToExpiry),
        2 => (-1..=1_i64).prop_map(Passing::ToStall),
    ]
}

fn import() -> impl Strategy<Value = Import> {
    let count = prop_oneof![4 => 1..4_u8, 1 => Just(60)];
    let escalations =
        (0..5_u8, count, any::<bool>(), 0..4_u64).prop_map(|(from, count, blocking, age_s)| {
            Import::Escalations { from, count, blocking, age_s }
        });
    prop_oneof![
        4 => legacy().prop_map(Import::Session),
        2 => escalations,
        1 => Just(Import::Again),
    ]
}

fn legacy() -> impl Strategy<Value = Legacy> {
    let likely = || prop::bool::weighted(0.7);
    let has = (prop::bool::weighted(0.3), any::<bool>(), likely(), any::<bool>(), likely());
    let ttl_s = prop::sample::select(vec![0, 1, 30, 30, 86_400, 86_401, u64::MAX]);
    let age_s =
        prop_oneof![4 => 0..40_i64, 1 => -100..0_i64, 2 => 28_700..28_900_i64, 1 => 0..i64::MAX];
    (has, ttl_s, age_s, prop_oneof![Just(0), 0..60_u64]).prop_map(
        |((person, id, owner, supervisor, heartbeat), ttl_s, age_s, revision)| Legacy {
            person,
            id,
            owner,
            supervisor,
            ttl_s,
            heartbeat,
            age_s,
            revision,
        },
    )
}

fn ask() -> impl Strategy<Value = Ask> {
    prop_oneof![
        6 => (holder(), any::<bool>(), prop::option::of(any::<bool>()), expect()).prop_map(
            |(program, supersede, mode, expect)| Ask::Start { program, supersede, mode, expect }
        ),
        4 => waits().boxed(),
        10 => (actor(), named(), prop::option::of(prop::sample::select(vec!["x", "y"])), told())
            .prop_map(|(actor, session, activity, told)| {
                Ask::Beat { actor, session, activity, told }
            }),
        1 => (actor(), named()).prop_map(|(actor, session)| Ask::Join { actor, session }),
        3 => (holder(), expect()).prop_map(|(program, expect)| Ask::TakeOver { program, expect }),
        3 => (holder(), grace(), prop::bool::weighted(0.2), expect()).prop_map(
            |(program, grace_ms, dry_run, expect)| {
                Ask::Force { program, grace_ms, dry_run, expect }
            }
        ),
        1 => expect().prop_map(|expect| Ask::Cancel { expect }),
        1 => (prop::option::of(actor()), expect())
            .prop_map(|(actor, expect)| Ask::Yield { actor, expect }),
        1 => (prop::option::of(actor()), expect())
            .prop_map(|(actor, expect)| Ask::Clear { actor, expect }),
        4 => around().boxed(),
    ]
}

fn waits() -> impl Strategy<Value = Ask> {
    (holder(), prop::bool::weighted(0.2), any::<bool>(), 1..20_000_u64, expect()).prop_map(
        |(program, supersede, take_over, claim_ms, expect)| Ask::Await {
            program,
            supersede,
            take_over,
            claim_ms,
            expect,
        },
    )
}

fn around() -> impl Strategy<Value = Ask> {
    let gate = || prop::sample::select(vec!["build", "review", "ship"]);
    let note = prop::option::of(prop::sample::select(vec!["", "n"]));
    prop_oneof![
        3 => (any::<bool>(), prop_oneof![6 => 1..3_u8, 1 => Just(60)])
            .prop_map(|(blocking, times)| Ask::Raise { blocking, times }),
        3 => (0..3_usize).prop_map(|at| Ask::Resolve { at }),
        2 => (prop::sample::subsequence(vec!["build", "review", "ship"], 0..=3), expect())
            .prop_map(|(names, expect)| Ask::PutGates { names, expect }),
        2 => (gate(), 0..4_u8, note, expect()).prop_map(|(name, state, note, expect)| {
            Ask::UpdateGate { name, state, note, expect }
        }),
        1 => Just(Ask::Register),
        1 => (prop::sample::select(vec!["t", "u"]), expect())
            .prop_map(|(title, expect)| Ask::PutHandoff { title, expect }),
    ]
}

fn told() -> impl Strategy<Value = Told> {
    let all = (
        prop::option::of(prop::sample::select(vec!["parse", "test"])),
        prop::option::of(0..1_000_u64),
        prop::option::of(0..4_u64),
        prop::option::of(0..2_u8),
        prop::option::of((
            0..20_u8,
            prop_oneof![4 => 1..3_u8, 1 => Just(12), 1 => Just(17)],
            any::<bool>(),
        )),
    )
        .prop_map(|(stream, tokens, gates, checkpoint, sections)| Told {
            stream,
            tokens,
            gates,
            checkpoint,
            sections,
        });
    prop_oneof![1 => Just(Told::default()), 1 => all]
}

fn actor() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["a", "a", "a", "b", "s"])
}

fn holder() -> impl Strategy<Value = Option<Program>> {
    let program =
        (
            actor(),
            prop::sample::select(vec![1_000, 5_000, 60_000, 120_000, 86_400_000_u64]),
            any::<bool>(),
            prop::option::of(prop::sample::select(vec!["s", "a"])),
            prop::option::of(prop::sample::select(vec!["i1", "i2"])),
            any::<bool>(),
        )
            .prop_map(|(actor, ttl_ms, ttl_given, supervisor, instance, supervises)| {
                Program { actor, ttl_ms, ttl_given, supervisor, instance, supervises }
            });
    prop::option::weighted(0.8, program)
}

fn grace() -> impl Strategy<Value = u64> {
    prop_oneof![Just(0), 1..3_000_u64, 1..600_000_u64]
}

fn named() -> impl Strategy<Value = Named> {
    prop_oneof![4 => Just(Named::Nothing), 3 => Just(Named::Current), 1 => Just(Named::Other)]
}

fn expect() -> impl Strategy<Value = Expect> {
    let nothing = Expect { session: Named::Nothing, revision: Named::Nothing };
    prop_oneof![
        3 => Just(nothing),
        1 => (named(), named()).prop_map(|(session, revision)| Expect { session, revision }),
    ]
}
