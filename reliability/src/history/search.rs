//! Looks for an order of recorded calls that a sequential model allows: the search of Wing and
//! Gong, with Lowe's memory of what was seen before.
//!
//! A history is linearizable if its calls can be put into one order in which each takes effect
//! at one instant between its invocation and its answer, and answers what the model answers
//! there. A call that was never answered may have taken effect at any instant between its
//! invocation and the end of all that it could still do, or never.
//!
//! Guarantees: an order that is found was checked step by step; without one, every order was
//! tried, unless the verdict says that the search gave up. A call may leave several states (the
//! model is not told everything); all of them are followed.
//!
//! Why not stateright's `LinearizabilityTester`: it keeps no memory of the states that it has
//! been in, so that a history of some thousand calls takes it forever, it knows no calls that
//! leave one of several states, and no calls that may never have happened in between.
//!
//! Must not know: what the calls do.

use std::collections::HashMap;

/// What a history is compared with.
pub trait Model {
    /// A call with its answer.
    type Call;
    /// What all calls so far have left. Equal states must allow the same futures.
    type State: Clone + PartialEq;

    /// What there is before the first call.
    fn begin(&self) -> Self::State;

    /// The states that `call` may leave in `state`, if what it answered is right there; none if
    /// it is wrong. For a call without answer, the states that differ from `state`.
    ///
    /// `before` is the call whose answer comes first of all that are still to be placed: `call`
    /// takes effect before that answer.
    fn after(
        &self,
        state: &Self::State,
        call: &Self::Call,
        before: Option<&Self::Call>,
    ) -> Vec<Self::State>;

    /// A number that never falls from one state to the next; zero if there is none.
    fn height(&self, state: &Self::State) -> u64;
}

/// A call, and when it was under way. Instants only have to be ordered.
#[derive(Debug, Clone)]
pub struct Timed<C> {
    /// When it was made.
    pub invoked: u64,
    /// When it was answered; of a call without answer, when it could take effect no longer.
    pub returned: u64,
    /// Whether it was answered. If not, it may never have taken effect.
    pub answered: bool,
    /// The height of the state that it left, if its answer tells. It only saves time.
    pub height: Option<u64>,
    /// The call.
    pub call: C,
}

/// What came of a search. Calls are named by their places in the history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Here is an order.
    Linearizable(Vec<usize>),
    /// There is none.
    NotLinearizable(Evidence),
    /// None was found before so many steps had been tried.
    GaveUp(Evidence),
}

/// The shortest useful evidence against a history.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Evidence {
    /// A longest order of a part of the calls that the model allows.
    pub prefix: Vec<usize>,
    /// The calls of which one would have to come next, and none can.
    pub stuck: Vec<usize>,
    /// How many steps were tried.
    pub steps: u64,
}

/// Looks for an order of `history`, which is in the order of invocations, with at most
/// `steps_max` steps.
pub fn search<M: Model>(model: &M, history: &[Timed<M::Call>], steps_max: u64) -> Verdict {
    let mut search = Search::new(model, history);
    match search.run(steps_max) {
        Ended::Found => Verdict::Linearizable(search.order),
        Ended::Exhausted => Verdict::NotLinearizable(search.evidence),
        Ended::GaveUp => Verdict::GaveUp(search.evidence),
    }
}

enum Ended {
    Found,
    Exhausted,
    GaveUp,
}

/// A place in the tree of orders: what was left, and what may come next.
struct Node<S> {
    state: S,
    /// Every answered call before this one is placed.
    low: usize,
    /// No call from here on can come next.
    rest: usize,
    candidates: Vec<usize>,
    /// The candidate to try next.
    next: usize,
    /// Of the last candidate that was tried: the states that it may leave and that are still to
    /// be followed.
    left: Vec<S>,
}

struct Search<'a, M: Model> {
    model: &'a M,
    history: &'a [Timed<M::Call>],
    unanswered: Vec<usize>,
    /// In what order to try calls: by height, as far as it is known.
    ranks: Vec<(u64, u64)>,
    /// The least height that any of the calls from here on tells.
    least_height_from: Vec<u64>,
    placed: Placed,
    order: Vec<usize>,
    nodes: Vec<Node<M::State>>,
    /// For each set of placed calls the states in which it was met.
    seen: HashMap<Placed, Vec<M::State>>,
    evidence: Evidence,
}

impl<'a, M: Model> Search<'a, M> {
    fn new(model: &'a M, history: &'a [Timed<M::Call>]) -> Self {
        let unanswered = (0..history.len()).filter(|at| !history[*at].answered);
        Self {
            model,
            history,
            unanswered: unanswered.collect(),
            ranks: ranks(history),
            least_height_from: least_heights(history),
            placed: Placed::none_of(history.len()),
            order: Vec::new(),
            nodes: Vec::new(),
            seen: HashMap::new(),
            evidence: Evidence::default(),
        }
    }

    fn run(&mut self, steps_max: u64) -> Ended {
        let root = self.node(self.model.begin(), 0);
        self.evidence.stuck.clone_from(&root.candidates);
        self.nodes.push(root);
        while let Some(node) = self.nodes.last_mut() {
            if node.low == self.history.len() {
                return Ended::Found;
            }
            if let Some(state) = node.left.pop() {
                let call = node.candidates[node.next - 1];
                self.enter(call, state);
                continue;
            }
            let Some(&call) = node.candidates.get(node.next) else {
                self.nodes.pop();
                if let Some(last) = self.order.pop() {
                    self.placed.set(last, false);
                }
                continue;
            };
            node.next += 1;
            self.evidence.steps += 1;
            if self.evidence.steps > steps_max {
                return Ended::GaveUp;
            }
            let before = first_answer(self.history, &node.candidates).map(|at| &self.history[at]);
            let before = before.map(|timed| &timed.call);
            let mut left = self.model.after(&node.state, &self.history[call].call, before);
            // What is already higher than a call that is still to be placed leads nowhere.
            let others = node.candidates.iter().filter(|at| **at != call);
            let told = others.filter_map(|at| self.history[*at].height).min();
            let least = told.unwrap_or(u64::MAX).min(self.least_height_from[node.rest]);
            left.retain(|state| self.model.height(state) <= least);
            // The first that the model names is followed first.
            left.reverse();
            node.left = left;
        }
        Ended::Exhausted
    }

    /// Places `call`, which leaves `state`; not if the same calls have left it before.
    fn enter(&mut self, call: usize, state: M::State) {
        self.placed.set(call, true);
        let met = self.seen.entry(self.placed.clone()).or_default();
        if met.contains(&state) {
            self.placed.set(call, false);
            return;
        }
        met.push(state.clone());
        let low = self.nodes.last().map_or(0, |node| node.low);
        self.order.push(call);
        let node = self.node(state, low);
        if self.order.len() > self.evidence.prefix.len() {
            self.evidence.prefix.clone_from(&self.order);
            self.evidence.stuck.clone_from(&node.candidates);
        }
        self.nodes.push(node);
    }

    /// The place that is reached with the calls that are placed.
    fn node(&self, state: M::State, mut low: usize) -> Node<M::State> {
        let history = self.history;
        let is_passed = |at: usize| !history[at].answered || self.placed.has(at);
        while low < history.len() && is_passed(low) {
            low += 1;
        }
        let mut candidates = Vec::new();
        let mut first_answer = u64::MAX;
        let mut rest = history.len();
        for (at, timed) in history.iter().enumerate().skip(low) {
            if timed.invoked > first_answer {
                rest = at;
                break;
            }
            if timed.answered && !self.placed.has(at) {
                first_answer = first_answer.min(timed.returned);
                candidates.push(at);
            }
        }
        candidates.retain(|at| history[*at].invoked < first_answer);
        candidates.sort_by_key(|at| self.ranks[*at]);
        // What was never answered is tried only where nothing else will do, the latest first.
        let unanswered = self.unanswered.iter().rev().copied();
        let last = self.order.iter().map(|at| history[*at].invoked).max().unwrap_or_default();
        candidates.extend(unanswered.filter(|at| {
            let Timed { invoked, returned, .. } = history[*at];
            invoked < first_answer && last < returned && !self.placed.has(*at)
        }));
        Node { state, low, rest, candidates, next: 0, left: Vec::new() }
    }
}

/// For each call the height that it tells, or the greatest that was told before its answer came;
/// and then when that was.
fn ranks<C>(history: &[Timed<C>]) -> Vec<(u64, u64)> {
    let mut ranks = vec![(u64::MAX, u64::MAX); history.len()];
    let mut answered: Vec<usize> = (0..history.len()).filter(|at| history[*at].answered).collect();
    answered.sort_by_key(|at| history[*at].returned);
    let mut highest = 0;
    for at in answered {
        let Timed { returned, height, .. } = history[at];
        highest = highest.max(height.unwrap_or_default());
        ranks[at] = (height.unwrap_or(highest), returned);
    }
    ranks
}

/// For each place, and the one after the last, the least height told by an answered call there
/// or later.
fn least_heights<C>(history: &[Timed<C>]) -> Vec<u64> {
    let mut least = vec![u64::MAX; history.len() + 1];
    for (at, timed) in history.iter().enumerate().rev() {
        let told = timed.height.filter(|_| timed.answered);
        least[at] = least[at + 1].min(told.unwrap_or(u64::MAX));
    }
    least
}

fn first_answer<C>(history: &[Timed<C>], candidates: &[usize]) -> Option<usize> {
    let answered = candidates.iter().copied().filter(|at| history[*at].answered);
    answered.min_by_key(|at| history[*at].returned)
}

/// A set of calls.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Placed(Box<[u64]>);

impl Placed {
    fn none_of(calls: usize) -> Self {
        Self(vec![0; calls.div_ceil(64)].into_boxed_slice())
    }

    fn has(&self, call: usize) -> bool {
        self.0[call / 64] & (1 << (call % 64)) != 0
    }

    fn set(&mut self, call: usize, placed: bool) {
        let bit = 1 << (call % 64);
        if placed {
            self.0[call / 64] |= bit;
        } else {
            self.0[call / 64] &= !bit;
        }
    }
}

#[cfg(test)]
mod tests;
