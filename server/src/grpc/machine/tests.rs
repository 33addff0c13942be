//! Who may order what. That orders do what they say is held over the wire.

use tenure_core::name::Principal;

use super::*;
use crate::engine::EngineOptions;
use crate::store::Store;
use crate::store::memory::{MemoryOptions, MemoryStore};

#[tokio::test(start_paused = true)]
async fn only_an_operator_gives_orders_and_is_refused_before_anything_is_read() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new(MemoryOptions::default()));
    let engine = Engine::start(Arc::clone(&store), EngineOptions::default()).await.unwrap();
    let rpcs = MachineRpcs { engine, reads: store };
    let principal = Principal::imported("worker");
    let worker = Arc::new(Caller { principal, operator: false, address: None });
    let cordon = MachineCommand::Cordon { reason: None };
    let id = || MachineId::imported("m");
    for command in
        [cordon.clone(), MachineCommand::Uncordon { reason: None }, MachineCommand::Forget]
    {
        let refused = rpcs.order(Arc::clone(&worker), (id(), command)).await.unwrap_err();
        assert_eq!(refused.reason(), v1::ErrorReason::RoleRequired);
    }
    assert_eq!(rpcs.reads.machine(id()).await.unwrap(), None);
    let operator = Arc::new(Caller { operator: true, ..(*worker).clone() });
    let machine = rpcs.order(operator, (id(), cordon)).await.unwrap();
    assert_eq!((machine.cordoned, &*machine.cordoned_by), (true, "worker"));
}
