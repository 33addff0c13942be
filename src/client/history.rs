//! The calls of `HistoryService`.

use super::calls::calls;
use super::pages::Pages;
use crate::v1::history_service_client::HistoryServiceClient;
use crate::{Client, v1};

calls! { HistoryServiceClient:
    /// Reads one page of the event log; see [`Client::list_events`].
    read events_page(ListEventsRequest) -> ListEventsResponse = list_events;
    /// Reads one page of ended sessions; see [`Client::list_ledger`].
    read ledger_page(ListLedgerRequest) -> ListLedgerResponse = list_ledger;
    /// Reads how a session ended, by any old session id.
    read ledger_entry(GetLedgerEntryRequest) -> GetLedgerEntryResponse = get_ledger_entry;
}

impl Client {
    /// Reads the event log page by page, oldest first.
    #[must_use]
    pub fn list_events(&self, request: v1::ListEventsRequest) -> Pages<v1::ListEventsRequest> {
        Pages::new(self.clone(), request)
    }

    /// Reads the ended sessions page by page, the last ended first.
    #[must_use]
    pub fn list_ledger(&self, request: v1::ListLedgerRequest) -> Pages<v1::ListLedgerRequest> {
        Pages::new(self.clone(), request)
    }
}
