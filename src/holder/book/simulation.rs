//! A book against a server over a network that delays, loses and cuts, on simulated time.
//!
//! The property that all else serves: whenever the holder believes in its lease, the server
//! has not let it expire. And if the network is kind, the lease is never lost.

use std::collections::VecDeque;
use std::time::Duration;

use super::*;

const TTL: Duration = Duration::from_secs(30);

/// One step of simulated time.
const STEP: Duration = Duration::from_millis(100);

/// How unkind the network is, each as a chance in a thousand.
#[derive(Clone, Copy)]
struct Network {
    loses: u32,
    doubles: u32,
    cuts: u32,
    sleeps: u32,
    delay_steps_max: u64,
}

struct Simulation {
    rng: fastrand::Rng,
    network: Network,
    now: Moment,
    book: Book,
    lease: LeaseId,
    /// When the lease expires at the server; only this decides what is true.
    expires_at: Moment,
    attached: bool,
    to_server: VecDeque<(Moment, v1::StreamHeartbeatsRequest)>,
    to_client: VecDeque<(Moment, v1::StreamHeartbeatsResponse)>,
}

impl Simulation {
    fn new(seed: u64, network: Network) -> Self {
        let now = Moment::from_millis(0);
        let mut book = Book::default();
        let identity = Identity {
            workspace: "acme/api".into(),
            profile: "main".into(),
            session_id: "ses_1".into(),
            actor_id: "actor".into(),
        };
        let session = (1, v1::Directives::default());
        let timing = Timing { stop_work_after: TTL, ..Timing::ending_in(TTL) };
        let lease = book.add(identity, now, timing, session, now);
        book.attached();
        Self {
            rng: fastrand::Rng::with_seed(seed),
            network,
            now,
            book,
            lease,
            expires_at: now.after(TTL),
            attached: true,
            to_server: VecDeque::new(),
            to_client: VecDeque::new(),
        }
    }

    /// Runs until the lease is lost or the time is over; answers the loss.
    fn run(&mut self, steps: u32) -> Option<Loss> {
        for _ in 0..steps {
            self.now = self.now.after(STEP);
            if self.chance(self.network.sleeps) {
                self.now = self.now.after(Duration::from_secs(self.rng.u64(1..40)));
            }
            self.serve();
            self.client();
            let views = self.book.take_changed();
            if let Some(loss) = views.into_iter().find_map(|(_, view)| view.loss) {
                return Some(loss);
            }
            self.check();
        }
        None
    }

    /// What the holder believes must be true.
    fn check(&self) {
        let stop_at = self.book.entries[&self.lease].state.stop_at();
        if self.now < stop_at {
            assert!(self.now < self.expires_at, "{:?} is after the expiry", self.now);
            assert!(stop_at <= self.expires_at, "the deadline is after the expiry");
        }
    }

    fn client(&mut self) {
        while self.to_client.front().is_some_and(|(at, _)| *at <= self.now) {
            if let Some((_, response)) = self.to_client.pop_front() {
                self.book.receive(response, self.now);
            }
        }
        let silent = self.book.tick(self.now) == Health::Silent;
        if self.attached && (silent || self.chance(self.network.cuts)) {
            self.attached = false;
            self.to_server.clear();
            self.to_client.clear();
            self.book.detached(self.now, "cut".into());
        } else if !self.attached {
            self.attached = true;
            self.book.attached();
        }
        while self.attached
            && let Some(message) = self.book.next_message(self.now)
        {
            if !self.chance(self.network.loses) {
                let at = self.arrival(self.to_server.back().map(|(at, _)| *at));
                self.to_server.push_back((at, message));
            }
        }
    }

    fn serve(&mut self) {
        while self.to_server.front().is_some_and(|(at, _)| *at <= self.now) {
            if let Some((_, message)) = self.to_server.pop_front() {
                self.answer(&message);
            }
        }
    }

    fn answer(&mut self, message: &v1::StreamHeartbeatsRequest) {
        let message_id = message.message_id;
        let mut response = v1::StreamHeartbeatsResponse::default();
        let expired = self.expires_at <= self.now;
        let reason = crate::Reason::LeaseExpired as i32;
        for handle in message.joins.iter().map(|join| join.handle) {
            let timing = self.timing();
            if expired {
                let refused = v1::BeatRefused { handle, message_id, reason, ..Default::default() };
                response.refused.push(refused);
            } else {
                let joined = v1::Joined { handle, message_id, timing, ..Default::default() };
                response.joined.push(joined);
            }
        }
        for handle in message.beats.iter().map(|beat| beat.handle) {
            if expired {
                let refused = v1::BeatRefused { handle, message_id, reason, ..Default::default() };
                response.refused.push(refused);
                continue;
            }
            self.expires_at = self.expires_at.max(self.now.after(TTL));
            let renewals = vec![v1::Renewal { handle, ..Default::default() }];
            // A result may name a later message that it covers as well.
            let message_id = message_id + self.rng.u64(0..2);
            let (timing, last_heartbeat_at) = (self.timing(), None);
            let group = v1::Renewed { message_id, timing, last_heartbeat_at, renewals };
            response.renewed.push(group);
        }
        let times = if self.chance(self.network.doubles) { 2 } else { 1 };
        for _ in 0..times {
            if !self.chance(self.network.loses) {
                let at = self.arrival(self.to_client.back().map(|(at, _)| *at));
                self.to_client.push_back((at, response.clone()));
            }
        }
    }

    fn timing(&self) -> Option<v1::LeaseTiming> {
        let left = self.expires_at.since(self.now);
        let proto = |duration: Duration| prost_types::Duration::try_from(duration).ok();
        Some(v1::LeaseTiming {
            expires_in: proto(left),
            renew_after: proto(left / 3),
            // No slack: a deadline that is late by the least breaks the property.
            stop_work_after: proto(left),
            lease_expires_at: None,
        })
    }

    /// When what is sent now arrives; a stream keeps its order.
    fn arrival(&mut self, after: Option<Moment>) -> Moment {
        let steps = self.rng.u64(0..=self.network.delay_steps_max);
        let at = self.now.after(STEP * u32::try_from(steps).unwrap());
        after.map_or(at, |after| at.max(after))
    }

    fn chance(&mut self, per_mille: u32) -> bool {
        self.rng.u32(0..1_000) < per_mille
    }
}

#[test]
fn what_a_holder_believes_is_true_over_any_network() {
    let mut losses = 0;
    for seed in 0..400 {
        let mut rng = fastrand::Rng::with_seed(seed);
        let network = Network {
            loses: rng.u32(0..400),
            doubles: rng.u32(0..300),
            cuts: rng.u32(0..60),
            sleeps: rng.u32(0..4),
            delay_steps_max: rng.u64(0..150),
        };
        losses += u32::from(Simulation::new(seed, network).run(3_000).is_some());
    }
    assert!(losses > 50, "only {losses} losses: the network was too kind to test anything");
    assert!(losses < 400, "each of them was lost: the network was too unkind");
}

#[test]
fn a_lease_is_never_lost_over_a_network_that_only_cuts_and_delays_a_little() {
    for seed in 0..50 {
        // A stream loses nothing while it is whole.
        let network = Network { loses: 0, doubles: 50, cuts: 10, sleeps: 0, delay_steps_max: 10 };
        let loss = Simulation::new(seed, network).run(6_000);
        assert_eq!(loss, None, "seed {seed}");
    }
}
