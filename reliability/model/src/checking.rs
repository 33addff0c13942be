//! Explores a model to its end, and says what was found.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use stateright::{Checker, HasDiscoveries, Model, Property};

use super::action::{Action, possible};
use super::config::Config;
use super::names::Names;
use super::rule::Rule;
use super::server::{Server, Setting};
use super::state::State;
use super::step::after;
use super::tally::{ROWS, Row, Tally};
use super::telling::tell;

/// The most steps of an exploration: a model that needs more is too large to be one.
const STEPS_MAX: usize = 200_000_000;

/// A model that can be explored.
#[derive(Debug)]
pub struct LeaseModel {
    setting: Arc<Setting>,
    /// The rules that were found broken.
    found: [AtomicBool; Rule::ALL.len()],
}

impl LeaseModel {
    /// The model of `config`.
    #[must_use]
    pub fn new(config: Config) -> Self {
        let names = Names::new(&config);
        let setting = Arc::new(Setting { config, names, tally: Tally::default() });
        Self { setting, found: [const { AtomicBool::new(false) }; Rule::ALL.len()] }
    }
}

impl Model for LeaseModel {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State::new(Server::new(&self.setting.names), &self.setting.config)]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        // What comes after a broken promise tells nothing more.
        if state.broken.is_empty() {
            possible(&self.setting, state, actions);
        }
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        after(&self.setting, state, action)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        fn holds<const RULE: usize>(model: &LeaseModel, state: &State) -> bool {
            let found = model.found.get(RULE);
            let broken = Rule::ALL.get(RULE).is_some_and(|rule| state.broken.has(*rule));
            // The checker keeps the way that it found last; the first is a shortest one.
            !(broken && found.is_some_and(|found| !found.swap(true, Ordering::Relaxed)))
        }
        let conditions: [fn(&Self, &State) -> bool; Rule::ALL.len()] = [
            holds::<0>,
            holds::<1>,
            holds::<2>,
            holds::<3>,
            holds::<4>,
            holds::<5>,
            holds::<6>,
            holds::<7>,
            holds::<8>,
            holds::<9>,
            holds::<10>,
            holds::<11>,
        ];
        let rules = Rule::ALL.iter().zip(conditions);
        rules.map(|(rule, condition)| Property::always(rule.name(), condition)).collect()
    }

    fn within_boundary(&self, state: &State) -> bool {
        state.server.history.tenures.len() <= usize::from(self.setting.config.tenures_max)
    }
}

/// What an exploration found.
#[derive(Debug, Clone)]
pub struct Found {
    /// Of which model.
    pub name: &'static str,
    /// How many states there are.
    pub states: usize,
    /// How many steps were taken, also those to states that were known.
    pub steps: usize,
    /// How many steps the longest of the shortest ways to a state has.
    pub depth: usize,
    /// Whether that is all of it, and not where it was given up.
    pub complete: bool,
    /// How long it took.
    pub took: Duration,
    /// The rules that are broken, each with a shortest way there.
    pub broken: Vec<Violation>,
    /// How often each row was taken.
    pub rows: [u64; ROWS],
}

/// A broken rule.
#[derive(Debug, Clone)]
pub struct Violation {
    /// Which one.
    pub rule: Rule,
    /// The steps to it, in words.
    pub steps: Vec<String>,
}

impl Found {
    /// How often `row` was taken.
    #[must_use]
    pub fn times(&self, row: Row) -> u64 {
        self.rows.get(row as usize).copied().unwrap_or_default()
    }

    /// The violation of `rule`, if it is broken.
    #[must_use]
    pub fn violation(&self, rule: Rule) -> Option<&Violation> {
        self.broken.iter().find(|violation| violation.rule == rule)
    }
}

/// Explores all of the model of `config`.
#[must_use]
pub fn explore(config: Config) -> Found {
    run(config, HasDiscoveries::All)
}

/// Explores the model of `config` until `rule` is found broken.
#[must_use]
pub fn look_for(config: Config, rule: Rule) -> Found {
    run(config, HasDiscoveries::AllOf(BTreeSet::from([rule.name()])))
}

fn run(config: Config, until: HasDiscoveries) -> Found {
    let name = config.name;
    let model = LeaseModel::new(config);
    let setting = Arc::clone(&model.setting);
    let began = Instant::now();
    // One thread, so that the first way to a violation is a shortest one.
    let checker =
        model.checker().finish_when(until).target_state_count(STEPS_MAX).spawn_bfs().join();
    let took = began.elapsed();
    let rows = std::array::from_fn(|at| setting.tally.at(at));
    let mut ways = checker.discoveries();
    let broken = Rule::ALL.iter().filter_map(|rule| {
        let way = ways.remove(rule.name())?;
        Some(Violation { rule: *rule, steps: tell(&setting, &way.into_vec()) })
    });
    Found {
        name,
        states: checker.unique_state_count(),
        steps: checker.state_count(),
        depth: checker.max_depth(),
        complete: checker.state_count() < STEPS_MAX,
        took,
        broken: broken.collect(),
        rows,
    }
}
