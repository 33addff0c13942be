//! How often and how long a call is tried, and how long to wait between two attempts.

use std::time::Duration;

/// The wait after the first failed round of attempts, before jitter.
const WAIT_FIRST: Duration = Duration::from_millis(50);

/// The longest wait between attempts, before jitter.
const WAIT_MAX: Duration = Duration::from_secs(1);

/// Bounds of one call, all attempts together.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// How long one attempt waits for its answer.
    pub attempt_timeout: Duration,
    /// How long all attempts and the waits between them may take.
    pub call_timeout: Duration,
    /// How many attempts there are, at least 1.
    pub attempts_max: u32,
}

impl Bounds {
    /// One attempt that may take as long as the call.
    pub(crate) fn once(self) -> Self {
        Self { attempt_timeout: self.call_timeout, attempts_max: 1, ..self }
    }
}

/// Waits that double and are jittered, so that callers who failed together do not come
/// back together.
#[derive(Clone, Debug)]
pub(crate) struct Backoff {
    failures: u32,
    rng: fastrand::Rng,
}

impl Backoff {
    pub(crate) fn new(rng: fastrand::Rng) -> Self {
        Self { failures: 0, rng }
    }

    /// The next wait: between half and the whole of a step that doubles up to 1 s.
    pub(crate) fn next_wait(&mut self) -> Duration {
        let step = WAIT_FIRST.saturating_mul(1 << self.failures.min(16)).min(WAIT_MAX);
        self.failures = self.failures.saturating_add(1);
        step.mul_f64(0.5 + self.rng.f64() / 2.0)
    }

    /// Forgets the failures, after a success.
    pub(crate) fn reset(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_within_their_jitter_up_to_the_bound() {
        let mut backoff = Backoff::new(fastrand::Rng::with_seed(7));
        for step_ms in [50, 100, 200, 400, 800, 1000, 1000] {
            let wait = backoff.next_wait();
            let step = Duration::from_millis(step_ms);
            assert!(wait >= step / 2 && wait <= step, "{wait:?} is not within {step:?}");
        }
        backoff.reset();
        assert!(backoff.next_wait() <= WAIT_FIRST);
    }

    #[test]
    fn waits_of_two_callers_differ() {
        let mut one = Backoff::new(fastrand::Rng::with_seed(1));
        let mut other = Backoff::new(fastrand::Rng::with_seed(2));
        assert_ne!(one.next_wait(), other.next_wait());
    }
}
