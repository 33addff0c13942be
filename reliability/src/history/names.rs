//! Ids that the server mints and the model cannot know: the model mints a stand-in, and the
//! first answer that shows the id in its place binds the two, both ways and for good.

use std::collections::BTreeMap;
use std::sync::Arc;

use prost_reflect::{DynamicMessage, ReflectMessage, Value};
use tenure_core::command::{Command, Expected};
use tenure_core::name::{EscalationId, SessionId};

/// Fields that hold a chance value, or what is looked up beside the workspace: the moment of
/// renewal is scattered on purpose, and how an earlier session ended is read from the ledger
/// after the decision.
const NOT_COMPARED: [&str; 2] = ["renew_after", "verdict"];

/// What no minted id begins with.
const STAND_IN: char = '?';

/// Which stand-in means which id.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Names {
    real: BTreeMap<Arc<str>, Arc<str>>,
    stand_ins: BTreeMap<Arc<str>, Arc<str>>,
}

impl Names {
    /// A session id for what the `call`th call of a history may mint.
    #[must_use]
    pub fn new_session_id(call: usize) -> SessionId {
        SessionId::imported(&format!("{STAND_IN}ses_{call}"))
    }

    /// The same for escalations.
    #[must_use]
    pub fn new_escalation_id(call: usize) -> EscalationId {
        EscalationId::imported(&format!("{STAND_IN}esc_{call}"))
    }

    /// The command with the model's stand-ins for the ids that the caller has learned.
    #[must_use]
    pub fn in_the_model(&self, command: &Command) -> Command {
        let mut command = command.clone();
        match &mut command {
            Command::Start(it) => self.expected(&mut it.expected),
            Command::TakeOver(it) => self.expected(&mut it.expected),
            Command::ForceTakeOver(it) => self.expected(&mut it.expected),
            Command::CancelTransfer(it) => self.expected(&mut it.expected),
            Command::Yield(it) => self.expected(&mut it.expected),
            Command::Clear(it) => self.expected(&mut it.expected),
            Command::PutGates(it) => self.expected(&mut it.expected),
            Command::UpdateGate(it) => self.expected(&mut it.expected),
            Command::Heartbeat(it) => {
                if let Some(id) = &mut it.session_id {
                    self.session(id);
                }
            }
            Command::ResolveEscalation(it) => {
                if let Some(stand_in) = self.stand_ins.get(it.id.as_str()) {
                    it.id = EscalationId::imported(stand_in);
                }
            }
            _ => {}
        }
        command
    }

    fn expected(&self, expected: &mut Expected) {
        if let Some(id) = &mut expected.session_id {
            self.session(id);
        }
    }

    fn session(&self, id: &mut SessionId) {
        if let Some(stand_in) = self.stand_ins.get(id.as_str()) {
            *id = SessionId::imported(stand_in);
        }
    }

    /// Whether `told` is what the model says, `said`. Binds what it says with stand-ins; what
    /// is left of the bindings after a `false` means nothing.
    pub fn are_the_same(&mut self, said: &DynamicMessage, told: &DynamicMessage) -> bool {
        let fields = said.descriptor();
        fields.fields().filter(|field| !NOT_COMPARED.contains(&field.name())).all(|field| {
            said.has_field(&field) == told.has_field(&field)
                && self.is_same(&said.get_field(&field), &told.get_field(&field))
        })
    }

    fn is_same(&mut self, said: &Value, told: &Value) -> bool {
        match (said, told) {
            (Value::Message(said), Value::Message(told)) => self.are_the_same(said, told),
            (Value::List(said), Value::List(told)) => {
                said.len() == told.len()
                    && said.iter().zip(told).all(|(said, told)| self.is_same(said, told))
            }
            (Value::String(said), Value::String(told)) if said.starts_with(STAND_IN) => {
                self.bind(said, told)
            }
            _ => said == told,
        }
    }

    fn bind(&mut self, stand_in: &str, real: &str) -> bool {
        match (self.real.get(stand_in), self.stand_ins.get(real)) {
            (Some(bound), _) => **bound == *real,
            // An id is not minted twice.
            (None, Some(_)) => false,
            (None, None) if real.starts_with(&stand_in[1..5]) => {
                let (stand_in, real): (Arc<str>, Arc<str>) = (stand_in.into(), real.into());
                self.real.insert(Arc::clone(&stand_in), Arc::clone(&real));
                self.stand_ins.insert(real, stand_in);
                true
            }
            (None, None) => false,
        }
    }
}
