//! A Redis server of a test, and a proxy before it that cuts connections.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering::SeqCst};
use std::thread::{sleep, spawn};
use std::time::{Duration, Instant};

use engine::session::{Begin, Session, Settings};

/// A server, ended when it is dropped.
pub struct Redis {
    child: Child,
    folder: PathBuf,
}

impl Redis {
    /// `None` where there is no redis-server.
    pub fn start(directives: &[&str]) -> Option<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!(
            "mp-engine-{}-{}",
            std::process::id(),
            COUNT.fetch_add(1, SeqCst)
        );
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        match Self::spawn(&folder, directives) {
            Some(child) => Some(Self { child, folder }),
            None => {
                eprintln!("left out: redis-server is not installed");
                let _ = std::fs::remove_dir_all(&folder);
                None
            }
        }
    }

    fn spawn(folder: &PathBuf, directives: &[&str]) -> Option<Child> {
        let child = Command::new("redis-server")
            .args([
                "--port",
                "0",
                "--unixsocket",
                "socket",
                "--save",
                "",
                "--dir",
            ])
            .arg(folder)
            .args(directives)
            .current_dir(folder)
            .stdout(Stdio::null())
            .spawn()
            .ok()?;
        let until = Instant::now() + Duration::from_secs(20);
        while UnixStream::connect(folder.join("socket")).is_err() {
            assert!(Instant::now() < until, "redis-server does not listen");
            sleep(Duration::from_millis(5));
        }
        Some(child)
    }

    pub fn socket(&self) -> PathBuf {
        self.folder.join("socket")
    }

    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_file(self.socket());
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.kill();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// Which way bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    Up,
    Down,
}

struct Cut {
    /// So many bytes still pass each way, before the connection is cut where the next would. Negative: no end.
    up: AtomicI64,
    down: AtomicI64,
}

/// A proxy before a server.
pub struct Proxy {
    port: u16,
    cut: Arc<Cut>,
}

impl Proxy {
    pub fn before(redis: &Redis) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let cut = Arc::new(Cut {
            up: AtomicI64::new(-1),
            down: AtomicI64::new(-1),
        });
        let (socket, its) = (redis.socket(), Arc::clone(&cut));
        spawn(move || {
            for client in listener.incoming() {
                let (Ok(client), Ok(server)) = (client, UnixStream::connect(&socket)) else {
                    continue;
                };
                client.set_nodelay(true).unwrap();
                let (a, b) = (client.try_clone().unwrap(), server.try_clone().unwrap());
                let cut = Arc::clone(&its);
                spawn(move || pass(a, b, &cut, Way::Up));
                let cut = Arc::clone(&its);
                spawn(move || pass(server, client, &cut, Way::Down));
            }
        });
        Self { port, cut }
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Lets so many more bytes pass that way, over all connections; then one is cut, once.
    pub fn cut_after(&self, way: Way, bytes: i64) {
        match way {
            Way::Up => self.cut.up.store(bytes, SeqCst),
            Way::Down => self.cut.down.store(bytes, SeqCst),
        }
    }

    /// Whether that has not happened; it does not any more.
    pub fn disarm(&self) -> bool {
        let up = self.cut.up.swap(-1, SeqCst);
        let down = self.cut.down.swap(-1, SeqCst);
        up >= 0 || down >= 0
    }
}

trait Both: Read + Write + Send + 'static {
    fn shut(&self);
}

impl Both for TcpStream {
    fn shut(&self) {
        let _ = self.shutdown(Shutdown::Both);
    }
}

impl Both for UnixStream {
    fn shut(&self) {
        let _ = self.shutdown(Shutdown::Both);
    }
}

fn pass(mut from: impl Both, mut to: impl Both, cut: &Cut, way: Way) {
    let left = match way {
        Way::Up => &cut.up,
        Way::Down => &cut.down,
    };
    let mut buffer = [0; 64 * 1024];
    loop {
        let count = match from.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(_) => break,
        };
        let wanted = i64::try_from(count).unwrap();
        let allowed = left.fetch_update(SeqCst, SeqCst, |left| match left {
            ..0 => None,
            left if left >= wanted => Some(left - wanted),
            _ => Some(-1),
        });
        let passes = allowed.map_or(count, |left| usize::try_from(left.min(wanted)).unwrap());
        if to.write_all(&buffer[..passes]).is_err() || passes < count {
            break;
        }
    }
    from.shut();
    to.shut();
}

/// The settings of a tree of its own.
pub fn settings(lease: u64) -> Settings {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    Settings {
        tree: format!("{:032x}", COUNT.fetch_add(1, SeqCst)),
        lease: Duration::from_millis(lease),
        patience: Duration::from_secs(20),
        durability: engine::durability::Durability::Memory,
        beats: false,
    }
}

/// How the root of a tree begins.
pub fn begin(lease: u64) -> Begin {
    let args = ["0.0.0", "MainProcess", "here", "1", &lease.to_string()];
    Begin::By(
        "open".into(),
        args.iter().map(|it| it.as_bytes().to_vec()).collect(),
    )
}

/// The root of a new tree.
pub fn root(url: &str) -> Session {
    Session::open(url, settings(30_000), begin(30_000), Box::new(|_| {})).unwrap()
}
