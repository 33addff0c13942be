use super::*;

const STEPS_MAX: u64 = 10_000;

/// A register that is also a lock: the smallest thing with reads, updates and grants.
struct Register;

#[derive(Debug, Clone, Copy)]
enum Step {
    Write(u32),
    /// Adds one, and answers what there was before.
    Add(u32),
    Read(u32),
    /// Takes the lock for somebody, if nobody has it.
    Take(u32, bool),
    Release,
}

#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct Held {
    value: u32,
    by: Option<u32>,
}

impl Model for Register {
    type Call = (Step, bool);
    type State = Held;

    fn begin(&self) -> Held {
        Held::default()
    }

    fn after(&self, state: &Held, call: &Self::Call, _: Option<&Self::Call>) -> Vec<Held> {
        let (step, answered) = *call;
        let (right, next) = match step {
            Step::Write(value) => (true, Held { value, ..*state }),
            Step::Add(before) => (before == state.value, Held { value: state.value + 1, ..*state }),
            Step::Read(value) => (value == state.value, *state),
            Step::Take(who, granted) => {
                let free = state.by.is_none();
                (granted == free, if free { Held { by: Some(who), ..*state } } else { *state })
            }
            Step::Release => (true, Held { by: None, ..*state }),
        };
        let told = !answered || right;
        (told && (answered || next != *state)).then_some(next).into_iter().collect()
    }

    fn height(&self, _: &Held) -> u64 {
        0
    }
}

/// `(invoked, returned, what)`; whatever was never answered has 0 there.
fn verdict(calls: &[(u64, u64, Step)]) -> Verdict {
    let timed = |&(invoked, returned, step): &(u64, u64, Step)| {
        let answered = returned > 0;
        let returned = if answered { returned } else { u64::MAX };
        Timed { invoked, returned, answered, height: None, call: (step, answered) }
    };
    let history: Vec<_> = calls.iter().map(timed).collect();
    search(&Register, &history, STEPS_MAX)
}

fn order(calls: &[(u64, u64, Step)]) -> Vec<usize> {
    match verdict(calls) {
        Verdict::Linearizable(order) => order,
        other => panic!("{other:?}"),
    }
}

fn evidence(calls: &[(u64, u64, Step)]) -> Evidence {
    match verdict(calls) {
        Verdict::NotLinearizable(evidence) => evidence,
        other => panic!("{other:?}"),
    }
}

#[test]
fn nothing_is_in_order() {
    assert!(order(&[]).is_empty());
}

#[test]
fn calls_that_overlap_may_be_reordered() {
    let calls = [(1, 9, Step::Write(7)), (2, 4, Step::Read(0)), (5, 8, Step::Read(7))];
    assert_eq!(order(&calls), [1, 0, 2]);
}

#[test]
fn a_stale_read_is_caught() {
    let calls = [(1, 2, Step::Write(7)), (3, 4, Step::Read(0))];
    assert_eq!(evidence(&calls), Evidence { prefix: vec![0], stuck: vec![1], steps: 2 });
}

#[test]
fn two_reads_may_not_disagree_on_which_of_two_writes_came_last() {
    let writes = [(1, 9, Step::Write(1)), (2, 10, Step::Write(2))];
    let reads = [(11, 12, Step::Read(1)), (13, 14, Step::Read(2))];
    evidence(&[writes[0], writes[1], reads[0], reads[1]]);
}

#[test]
fn a_lost_update_is_caught() {
    let calls = [(1, 5, Step::Add(0)), (2, 6, Step::Add(0))];
    assert_eq!(evidence(&calls).prefix.len(), 1);
}

#[test]
fn a_double_grant_is_caught() {
    let calls = [(1, 5, Step::Take(1, true)), (2, 6, Step::Take(2, true))];
    let found = evidence(&calls);
    assert_eq!((found.prefix.len(), found.stuck.len()), (1, 1));
    let released = [calls[0], (6, 8, Step::Release), (7, 9, Step::Take(2, true))];
    assert_eq!(order(&released), [0, 1, 2]);
}

#[test]
fn a_lost_answer_may_have_taken_effect_late() {
    let calls = [(1, 0, Step::Write(7)), (2, 3, Step::Read(0)), (4, 5, Step::Read(7))];
    assert_eq!(order(&calls), [1, 0, 2]);
}

#[test]
fn a_lost_answer_may_never_have_taken_effect() {
    assert_eq!(order(&[(1, 0, Step::Write(7)), (2, 3, Step::Read(0))]), [1]);
}

#[test]
fn a_lost_answer_takes_effect_only_once_and_not_before_its_call() {
    let twice = [(1, 0, Step::Add(0)), (2, 3, Step::Read(1)), (4, 5, Step::Read(2))];
    assert_eq!(evidence(&twice).prefix.len(), 2);
    evidence(&[(1, 2, Step::Read(7)), (3, 0, Step::Write(7))]);
}

#[test]
fn a_lost_answer_takes_no_effect_after_all_that_it_could_do_has_ended() {
    let lost = Timed {
        invoked: 1,
        returned: 4,
        answered: false,
        height: None,
        call: (Step::Write(7), false),
    };
    let read = |invoked, value| Timed {
        invoked,
        returned: invoked + 2,
        answered: true,
        height: None,
        call: (Step::Read(value), true),
    };
    let verdict = |reads: [Timed<_>; 2]| {
        let history: Vec<_> = std::iter::once(lost.clone()).chain(reads).collect();
        search(&Register, &history, STEPS_MAX)
    };
    let late = verdict([read(5, 0), read(8, 7)]);
    assert!(matches!(late, Verdict::NotLinearizable(_)), "{late:?}");
    assert_eq!(verdict([read(3, 0), read(8, 7)]), Verdict::Linearizable(vec![1, 0, 2]));
}

#[test]
fn many_calls_at_once_are_decided_because_what_was_seen_is_remembered() {
    // 16 writers at once, in 16! orders, and a read that none of them explains.
    let mut calls: Vec<_> = (1..=16).map(|n| (n, 100 + n, Step::Write(5))).collect();
    calls.push((200, 201, Step::Read(6)));
    let timed = |&(invoked, returned, step)| Timed {
        invoked,
        returned,
        answered: true,
        height: None,
        call: (step, true),
    };
    let history: Vec<_> = calls.iter().map(timed).collect();
    let verdict = search(&Register, &history, 2_000_000);
    assert!(matches!(verdict, Verdict::NotLinearizable(_)), "{verdict:?}");
}

#[test]
fn a_search_gives_up_rather_than_go_on_forever() {
    let mut calls: Vec<_> = (1..=30).map(|n| (n, 100 + n, Step::Write(n as u32))).collect();
    calls.push((200, 201, Step::Read(99)));
    assert!(matches!(verdict(&calls), Verdict::GaveUp(_)));
}
