//! A proxy whose connections can freeze: they stay open, and nothing passes any more.

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

pub struct Proxy {
    pub endpoint: String,
    /// How often the proxy froze; connections of before a freeze are dead.
    freezes: watch::Sender<u64>,
    accepting: JoinHandle<()>,
}

impl Proxy {
    /// Stands before an endpoint of the form `http://…`.
    pub async fn before(endpoint: &str) -> Self {
        let target = endpoint.strip_prefix("http://").unwrap().to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let freezes = watch::Sender::new(0);
        let seen = freezes.subscribe();
        let accepting = tokio::spawn(async move {
            while let Ok((inbound, _)) = listener.accept().await {
                tokio::spawn(pass(inbound, target.clone(), seen.clone()));
            }
        });
        Self { endpoint, freezes, accepting }
    }

    /// Freezes the connections that are open now; later ones pass.
    pub fn freeze(&self) {
        self.freezes.send_modify(|count| *count += 1);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn pass(mut inbound: TcpStream, target: String, mut freezes: watch::Receiver<u64>) {
    freezes.mark_unchanged();
    let mut outbound = TcpStream::connect(target).await.unwrap();
    tokio::select! {
        // Either side has closed, in whatever way.
        _ = tokio::io::copy_bidirectional(&mut inbound, &mut outbound) => {}
        _ = freezes.changed() => std::future::pending().await,
    }
}
