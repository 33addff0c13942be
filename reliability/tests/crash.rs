//! The short form of the crash loop.

use tenure_reliability::crash::{self, Options};
use tenure_reliability::process::Programs;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_or_done_twice_over_200_kills() {
    let programs = Programs::find().unwrap();
    let options = Options { kills: 200, seed: None, clients: 16, check_file_every: 10 };
    let report = crash::campaign(&programs, &options, |line| eprintln!("{line}")).await.unwrap();
    eprintln!("{report}");
    report.verdict().unwrap();
}
