//! Who is measured: ours, and those it is compared with.

use crate::peer::Program;

/// Who is measured, and doing what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Contender {
    /// `tenured` with a SQLite store on disk.
    Ours,
    /// The bare tonic echo.
    Echo,
    /// etcd: a transaction that compares the revision of a key and puts it.
    EtcdCas,
    /// etcd: `LeaseKeepAlive` streams.
    EtcdKeepalive,
    /// etcd: the same, as fast as it can, on the streams of a paced load.
    EtcdSaturated,
    /// etcd: a lease is granted and a key is put with it, if there is none.
    EtcdGrantPut,
    /// etcd: a key is put and each watcher has a stream of its own.
    EtcdWatch,
    /// etcd: the same, and the watchers of one connection share a stream.
    EtcdWatchShared,
    /// Redis: a script that compares the owner and extends the expiry.
    Redis,
    /// Not a program: the disk, and the time that one beat may take beyond it.
    Fsync,
    /// Ours, and each call carries a request id, so that it may be repeated.
    WithRequestIds,
    /// Ours with nothing stored.
    EmptyStore,
    /// Ours with nobody who reads beside.
    WithoutReaders,
    /// Ours with no beats beside.
    WithoutBeats,
    /// Not a program: a number that is to be kept to.
    Limit,
}

impl Contender {
    /// Its name in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Contender::Ours => "ours",
            Contender::Echo => "echo",
            Contender::EtcdCas => "etcd_cas",
            Contender::EtcdKeepalive => "etcd_keepalive",
            Contender::EtcdSaturated => "etcd_keepalive_saturated",
            Contender::EtcdGrantPut => "etcd_grant_put",
            Contender::EtcdWatch => "etcd_watch",
            Contender::EtcdWatchShared => "etcd_watch_shared",
            Contender::Redis => "redis",
            Contender::Fsync => "fsync_plus_0.1_ms",
            Contender::WithRequestIds => "with_request_ids",
            Contender::EmptyStore => "empty_store",
            Contender::WithoutReaders => "without_readers",
            Contender::WithoutBeats => "without_beats",
            Contender::Limit => "limit",
        }
    }

    /// The program that has to be there for it.
    #[must_use]
    pub fn program(self) -> Option<Program> {
        match self {
            Contender::Ours
            | Contender::WithRequestIds
            | Contender::EmptyStore
            | Contender::WithoutReaders
            | Contender::WithoutBeats => Some(Program::Tenured),
            Contender::Echo => Some(Program::Echo),
            Contender::EtcdCas
            | Contender::EtcdKeepalive
            | Contender::EtcdSaturated
            | Contender::EtcdGrantPut
            | Contender::EtcdWatch
            | Contender::EtcdWatchShared => Some(Program::Etcd),
            Contender::Redis => Some(Program::Redis),
            Contender::Fsync | Contender::Limit => None,
        }
    }

    /// What it does not promise and ours does, or what else has to be known of the comparison.
    #[must_use]
    pub fn caveat(self) -> Option<&'static str> {
        match self {
            Contender::Echo => Some("keeps nothing: the price of the transport alone"),
            Contender::EtcdCas => Some("durable; writes no ledger and no event"),
            Contender::EtcdKeepalive | Contender::EtcdSaturated => {
                Some("a renewal is not written anywhere; after a new leader leases begin anew")
            }
            Contender::EtcdGrantPut => {
                Some("durable, in two steps: a lease without its key if the caller dies between")
            }
            Contender::EtcdWatch | Contender::EtcdWatchShared => {
                Some("keys and values; says nothing of who, why and what it set")
            }
            Contender::Redis => Some(
                "appendfsync always; no fencing token, no event, expiry on the wall clock, \
                 and the log is never rewritten here, which spares it work",
            ),
            Contender::WithRequestIds => {
                Some("ours; the outcome is stored too, so that a repeat is answered and not done")
            }
            Contender::Fsync => Some("one 4 KiB write and fdatasync in the store's folder"),
            Contender::Ours
            | Contender::EmptyStore
            | Contender::WithoutReaders
            | Contender::WithoutBeats
            | Contender::Limit => None,
        }
    }
}
