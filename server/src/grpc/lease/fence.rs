//! Fence checks: many tokens, one snapshot, one instant.

use tenure::v1;
use tenure_core::fence::Fence;

use super::LeaseRpcs;
use crate::grpc::convert::fence;
use crate::grpc::status::Fault;

impl LeaseRpcs {
    pub(super) async fn check_fences(
        &self,
        request: &v1::CheckFenceRequest,
    ) -> Result<v1::CheckFenceResponse, Fault> {
        let checks = fence::parse(request).map_err(|violations| Fault::invalid(&violations))?;
        let keys = checks.iter().map(|(key, _)| key.clone()).collect();
        let stored = self.store.get_each(keys).await.map_err(|error| Fault::unreadable(&error))?;
        // Read after the snapshot: what has expired by now is not called current.
        let clock = self.engine.clock();
        let results = checks.iter().zip(&stored).map(|((key, token), stored)| {
            let tenure = stored.as_ref().map(|stored| &stored.tenure);
            fence::result(key, Fence::check(tenure, *token, &clock))
        });
        Ok(v1::CheckFenceResponse { results: results.collect() })
    }
}
