use proptest::prelude::*;
use tenure_core::command::{Await, Expected, RequestedHolder, RequestedLease, Start};
use tenure_core::name::{Key, ProfileName, WorkspaceName};
use tenure_core::session::AutonomousKind;
use tenure_core::time::{Span, WallTime};
use tokio::sync::mpsc;

use super::*;
use crate::access::Caller;
use crate::engine::waits::{WaiterId, Waiting, Waits};

type Who = (Option<&'static str>, Option<&'static str>, bool);

fn waiter((actor, instance, takes_over): Who) -> Waiter {
    let holder = actor.map_or(RequestedHolder::Interactive, |actor| {
        RequestedHolder::Autonomous(RequestedLease {
            actor: ActorId::imported(actor),
            ttl: Span::from_secs(10),
            kind: AutonomousKind::RuntimeWorker,
            supervisor: None,
            instance: instance.map(InstanceId::imported),
        })
    });
    let expected = Expected::default();
    let start = Start { holder, mode: None, supersede: false, machine: None, expected };
    let waiting = Waiting {
        key: Key { workspace: WorkspaceName::imported("w"), profile: ProfileName::default() },
        asks: Await {
            start,
            take_over: takes_over.then(|| "it died".into()),
            claim_within: Span::from_secs(10),
        },
        caller: Arc::new(Caller::local(None)),
        once: None,
    };
    Waiter::new(WaiterId(0), waiting, WallTime(0), mpsc::unbounded_channel().0).0
}

fn who() -> impl Strategy<Value = Who> {
    let actor = prop::option::of(prop::sample::select(vec!["a", "b"]));
    let instance = prop::option::of(prop::sample::select(vec!["i", "j"]));
    (actor, instance, any::<bool>())
}

proptest! {
    /// The indices find the one that looking at everybody in turn would find.
    #[test]
    fn the_first_to_be_served_is_found(
        waiters in prop::collection::vec((who(), any::<bool>()), 0..12),
        owner in prop::option::of(prop::sample::select(vec!["a", "b", "c"])),
        process in prop::option::of(prop::sample::select(vec!["i", "j"])),
    ) {
        let mut queue = Queue::default();
        for (ticket, (who, _)) in (0..).zip(&waiters) {
            queue.insert(Ticket(ticket), waiter(*who));
        }
        for (ticket, (_, leaves)) in (0..).zip(&waiters) {
            if *leaves {
                prop_assert!(queue.remove(Ticket(ticket)).is_some());
            }
        }
        let owner = owner.map(ActorId::imported);
        let process = process.map(InstanceId::imported);
        for open in [
            OpenTo::Anybody,
            OpenTo::OwnerAndTakers(owner.as_ref()),
            OpenTo::People,
            OpenTo::Owner(owner.as_ref(), process.as_ref()),
        ] {
            let all = queue.waiters.iter();
            let looked_for = all.clone().find(|(_, waiter)| open.admits(&waiter.asks));
            prop_assert_eq!(queue.first(open), looked_for.map(|(ticket, _)| *ticket));
        }
    }
}

#[test]
fn nothing_is_left_of_those_who_leave() {
    let mut queue = Queue::default();
    queue.insert(Ticket(1), waiter((Some("a"), Some("i"), true)));
    queue.insert(Ticket(2), waiter((None, None, false)));
    queue.remove(Ticket(1));
    queue.remove(Ticket(2));
    assert!(queue.is_empty() && queue.by_owner.is_empty() && queue.by_process.is_empty());
    assert!(queue.takers.is_empty() && queue.by_request.is_empty());
}

#[test]
fn whoever_has_gone_is_not_put_back() {
    let mut waits = Waits::new(1);
    // Its call has ended: nobody keeps the handle.
    let mut gone = waiter((Some("a"), None, false));
    let key = gone.key.clone();
    waits.arrive(&mut gone);
    waits.put_back(gone);
    assert!(!waits.has(&key));
}
