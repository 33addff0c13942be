//! Fills a page of a list whose filter the store cannot answer alone: what is stale, how a
//! machine stands, depends on the instant at which it is asked.
//!
//! Guarantees: one call reads a bounded number of pages of the store, and answers a bounded
//! number of bytes; a page that comes out short names where to go on.
//!
//! Must not know: what is listed.

use prost::Message;
use tenure_core::name::{Key, MachineId};

use super::convert::list::LIST_MAX_BYTES;
use super::status::Fault;
use crate::store::{
    KnownWorkspace, ListPage, Listed, MachinePage, PAGE_MAX, Pending, StoredMachine, WorkspacePage,
};

/// How many pages of the store one call reads at most. A filter that matches little then gets
/// a short page, or an empty one, with a token to go on with.
const STORE_PAGES_MAX: usize = 10;

/// What is to be filled.
pub(super) struct Filling<K> {
    /// Where the page begins; absent at the front.
    pub after: Option<K>,
    /// How many rows it may have.
    pub size: u32,
    /// Whether rows that are read may not be taken: then as many as can be are read at once.
    pub picks: bool,
}

/// A page of the store.
pub(super) trait Page {
    /// What it holds.
    type Row;
    /// A place among the rows.
    type Place;

    /// The rows, and the place to go on after; absent on the last page.
    fn into_rows(self) -> (Vec<Self::Row>, Option<Self::Place>);
}

macro_rules! page {
    ($($page:ty: $row:ty, $place:ty;)+) => {$(
        impl Page for $page {
            type Row = $row;
            type Place = $place;

            fn into_rows(self) -> (Vec<$row>, Option<$place>) {
                (self.rows, self.next)
            }
        }
    )+};
}

page! {
    ListPage: Listed, Key;
    MachinePage: StoredMachine, MachineId;
    WorkspacePage: KnownWorkspace, Key;
}

/// A page.
pub(super) struct Filled<K, M> {
    /// What was taken.
    pub rows: Vec<M>,
    /// Where the next page begins; absent on the last one.
    pub next: Option<K>,
}

impl<K: Clone> Filling<K> {
    /// Reads pages of the store until this page is full. `show` is what is answered of a row, if
    /// it is to be; `place` is where it stands.
    pub async fn fill<'a, P: Page<Place = K>, M: Message>(
        self,
        read: impl Fn(Option<K>, u32) -> Pending<'a, P>,
        place: impl Fn(&P::Row) -> K,
        mut show: impl FnMut(P::Row) -> Option<M>,
    ) -> Result<Filled<K, M>, Fault> {
        let size = usize::try_from(self.size).unwrap_or(usize::MAX);
        let (mut rows, mut bytes) = (Vec::new(), 0);
        let mut next = self.after;
        for _ in 0..STORE_PAGES_MAX {
            let missing = u32::try_from(size - rows.len()).unwrap_or(PAGE_MAX);
            let wanted = if self.picks { PAGE_MAX } else { missing };
            let page = read(next, wanted).await.map_err(|error| Fault::unreadable(&error))?;
            let (read, after) = page.into_rows();
            let mut unread = read.len();
            let mut last = None;
            for row in read {
                if rows.len() >= size || bytes >= LIST_MAX_BYTES {
                    break;
                }
                unread -= 1;
                last = Some(place(&row));
                if let Some(shown) = show(row) {
                    bytes += shown.encoded_len();
                    rows.push(shown);
                }
            }
            next = if unread > 0 { last } else { after };
            if next.is_none() || rows.len() >= size || bytes >= LIST_MAX_BYTES {
                break;
            }
        }
        Ok(Filled { rows, next })
    }
}

#[cfg(test)]
mod tests {
    use tenure::v1::Beat;

    use super::*;

    struct Numbers {
        rows: Vec<u32>,
        next: Option<u32>,
    }

    page! { Numbers: u32, u32; }

    /// A store that holds the numbers up to `count`, in pages of `page`.
    async fn fill(filling: Filling<u32>, count: u32, page: u32) -> (Vec<u32>, Option<u32>, u32) {
        let reads = std::cell::Cell::new(0);
        let read = |after: Option<u32>, limit: u32| -> Pending<'_, Numbers> {
            reads.set(reads.get() + 1);
            let first = after.map_or(0, |after| after + 1);
            let rows: Vec<u32> = (first..count).take(page.min(limit) as usize).collect();
            let next = rows.last().copied().filter(|last| last + 1 < count);
            Box::pin(async move { Ok(Numbers { rows, next }) })
        };
        let even =
            |row: u32| row.is_multiple_of(2).then(|| Beat { handle: row, ..Beat::default() });
        let filled = filling.fill(read, |row| *row, even).await.unwrap();
        (filled.rows.iter().map(|beat| beat.handle).collect(), filled.next, reads.get())
    }

    #[tokio::test]
    async fn a_full_page_goes_on_after_its_last_row() {
        let filling = Filling { after: None, size: 3, picks: true };
        assert_eq!(fill(filling, 100, 50).await, (vec![0, 2, 4], Some(4), 1));
        let filling = Filling { after: Some(4), size: 3, picks: true };
        assert_eq!(fill(filling, 100, 50).await.0, [6, 8, 10]);
    }

    #[tokio::test]
    async fn the_last_page_says_so() {
        let filling = Filling { after: Some(5), size: 9, picks: true };
        assert_eq!(fill(filling, 10, 3).await, (vec![6, 8], None, 2));
    }

    #[tokio::test]
    async fn a_filter_that_matches_little_gets_a_short_page_that_goes_on() {
        let filling = Filling { after: None, size: 1_000, picks: true };
        let (rows, next, reads) = fill(filling, 1_000, 10).await;
        assert_eq!((rows.len(), next, reads), (50, Some(99), 10));
    }
}
