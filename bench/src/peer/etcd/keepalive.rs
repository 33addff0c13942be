//! A `LeaseKeepAlive` stream of etcd: a message renews one lease, and is answered in its turn.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use tonic::transport::Channel;
use tonic::{Status, Streaming};

use super::api::lease_client::LeaseClient;
use super::api::{LeaseKeepAliveRequest, LeaseKeepAliveResponse};
use crate::load::dialogue::{Breach, Dialogue};
use crate::load::lane::Lane;

/// The state of one stream.
#[derive(Debug)]
pub struct KeepAlive {
    leases: Vec<i64>,
    next: usize,
    in_flight_max: usize,
    /// Leases whose renewal is unanswered, the oldest first, and when each was to be sent.
    in_flight: VecDeque<(i64, Option<Instant>)>,
}

impl KeepAlive {
    /// A stream that renews these leases in turn, with at most `in_flight_max` unanswered.
    pub fn new(leases: Vec<i64>, in_flight_max: usize) -> Self {
        KeepAlive { leases, next: 0, in_flight_max, in_flight: VecDeque::new() }
    }
}

impl Dialogue for KeepAlive {
    type Request = LeaseKeepAliveRequest;
    type Response = LeaseKeepAliveResponse;

    /// The server answers the call itself only with the first renewal.
    fn openings(&self) -> Vec<LeaseKeepAliveRequest> {
        self.leases.first().map(|&id| LeaseKeepAliveRequest { id }).into_iter().collect()
    }

    fn opened(&mut self, response: &LeaseKeepAliveResponse) -> Result<bool, Breach> {
        check_alive(response).map(|()| true)
    }

    fn next_message(&mut self, at: Option<Instant>) -> Option<LeaseKeepAliveRequest> {
        if self.in_flight.len() == self.in_flight_max {
            return None;
        }
        let id = self.leases[self.next];
        self.next = (self.next + 1) % self.leases.len();
        self.in_flight.push_back((id, at));
        Some(LeaseKeepAliveRequest { id })
    }

    fn enter(
        &mut self,
        response: &LeaseKeepAliveResponse,
        took: &mut dyn FnMut(Duration),
    ) -> Result<u64, Breach> {
        check_alive(response)?;
        match self.in_flight.pop_front() {
            Some((id, at)) if id == response.id => {
                if let Some(at) = at {
                    took(at.elapsed());
                }
                Ok(1)
            }
            asked => Err(Breach::Wrong(format!("etcd renewed {}, not {asked:?}", response.id))),
        }
    }

    async fn call(
        channel: Channel,
        lane: Lane<Self>,
    ) -> Result<Streaming<LeaseKeepAliveResponse>, Status> {
        Ok(LeaseClient::new(channel).lease_keep_alive(lane).await?.into_inner())
    }
}

fn check_alive(response: &LeaseKeepAliveResponse) -> Result<(), Breach> {
    if response.ttl > 0 {
        return Ok(());
    }
    Err(Breach::Wrong(format!("etcd says that lease {} is gone", response.id)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(id: i64, ttl: i64) -> LeaseKeepAliveResponse {
        LeaseKeepAliveResponse { header: None, id, ttl }
    }

    #[test]
    fn answers_come_in_the_order_of_the_renewals() {
        let mut stream = KeepAlive::new(vec![7, 8], 2);
        assert_eq!(stream.next_message(None).map(|message| message.id), Some(7));
        assert_eq!(stream.next_message(None).map(|message| message.id), Some(8));
        assert_eq!(stream.next_message(None), None);
        assert_eq!(stream.enter(&answer(7, 600), &mut |_| ()), Ok(1));
        assert_eq!(stream.next_message(None).map(|message| message.id), Some(7));
        assert!(stream.enter(&answer(7, 600), &mut |_| ()).is_err());
    }

    #[test]
    fn a_lease_that_is_gone_is_a_breach() {
        let mut stream = KeepAlive::new(vec![7], 1);
        stream.next_message(None);
        assert!(stream.enter(&answer(7, 0), &mut |_| ()).is_err());
    }

    #[test]
    fn latencies_count_from_the_instant_that_was_intended() {
        let mut stream = KeepAlive::new(vec![7], 1);
        let intended = Instant::now().checked_sub(Duration::from_secs(5)).unwrap();
        stream.next_message(Some(intended));
        let mut taken = Vec::new();
        stream.enter(&answer(7, 600), &mut |latency| taken.push(latency)).unwrap();
        assert!(taken[0] >= Duration::from_secs(5));
    }
}
