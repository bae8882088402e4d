//! The cage: what native code may do in a process that was started with fewer permissions than
//! its parent has.
//!
//! Deno does not confine native code, so the library confines itself. The program in such a
//! process is taken to be hostile: it can call every function of the addon with any argument. What
//! it may do is known before it runs: its parent has written its command line, with Deno's own
//! permission flags, where JavaScript reaches it neither here nor in the parent (`table::Cage`).
//! The kernel's copy in `/proc/self/cmdline` is looked at for the mark ([`MARK`]), too: it is there
//! before the tree is joined. But it is this process's own memory: a `--preload` of the user's that
//! sets `process.title` has overwritten it by then. Nothing opens the cage.
//!
//! | asked for              | granted if                                                        |
//! | ---------------------- | ----------------------------------------------------------------- |
//! | a child                | its command line is this process's own, with no more permissions, and modules that this process could load itself; its environment is the one this process was started with, but for variables that are granted by name |
//! | a network address      | `--allow-net` covers it as it is written, and no `--deny-net` that or what it turns out to be |
//! | a path (local sockets) | `--allow-read` and `--allow-write` cover it and where it leads to, `--allow-net` has it as `unix:` and the path, and there is no denial; none through `/proc` |
//! | a shared object        | this process made it or was given it (`member.rs`)                |
//!
//! What Deno reads from a command line is read here as narrowly as `src/command_line.ts` writes it:
//! whatever else there is, is refused.

use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::error::{Error, Result};
use crate::sys::procfs;

/// How the argument begins that names the entry module of a caged process. `src/command_line.ts`
/// has the same.
pub const MARK: &str = "--preload=data:text/javascript;x=multiprocessing-caged;base64,";
/// How the entry module's argument begins in any child.
const ENTRY: &str = "--preload=data:text/javascript;x=multiprocessing";

const PATH_NAMES: [&str; 2] = ["read", "write"];
const NAMES: [&str; 8] = ["read", "write", "net", "env", "sys", "run", "ffi", "import"];

/// Variables that say to a new process what to load or whom to trust: none of them may differ.
const LOADER_PREFIXES: [&str; 6] = ["LD_", "DENO_", "NODE_", "NPM_", "GLIBC_", "GCONV_"];

/// What the parent has told. Once there is a cage it stays.
static TOLD: OnceLock<Cage> = OnceLock::new();

/// The cage of this process; `None` if it is in none.
pub fn current() -> Option<&'static Cage> {
    /// What the command line says when the addon is loaded, which asks at once.
    static FOUND: OnceLock<Option<Cage>> = OnceLock::new();
    let found = FOUND.get_or_init(|| {
        let arguments = procfs::command_line().unwrap_or_default();
        is_caged(&arguments).then(|| Cage::new(arguments))
    });
    TOLD.get().or(found.as_ref())
}

/// Puts this process into a cage, as its parent says: with that command line, executable first.
/// What cannot be read grants nothing.
pub fn close(command_line: Vec<String>) {
    let _ = TOLD.set(Cage::new(command_line));
}

/// Whether these arguments start a caged process.
pub fn is_caged(arguments: &[String]) -> bool {
    arguments.iter().any(|argument| argument.starts_with(MARK))
}

/// Fails unless this process may use the network address. For functions that open sockets.
pub fn require_net(host: &str, port: u16) -> Result<()> {
    current().map_or(Ok(()), |cage| cage.require_net(host, port))
}

/// Fails if the address that a host turned out to have was denied, however its host was written.
pub fn require_not_denied(host: &str, port: u16) -> Result<()> {
    current().map_or(Ok(()), |cage| cage.require_not_denied(host, port))
}

/// Fails unless this process may use the path that another, which it may use, leads to.
pub fn require_real(path: &Path) -> Result<()> {
    current().map_or(Ok(()), |cage| cage.require_real(path))
}

/// Fails unless this process may read the directory. For functions that go there, or tell whether
/// one can.
pub fn require_directory(path: &Path) -> Result<()> {
    current().map_or(Ok(()), |cage| cage.require_directory(path))
}

/// Fails unless this process may read and write the path, or the abstract name behind a NUL. For
/// functions that open local sockets.
pub fn require_local(name: &[u8]) -> Result<()> {
    current().map_or(Ok(()), |cage| cage.require_local(name))
}

fn refused(reason: String) -> Error {
    Error::NotCapable(reason)
}

/// What a caged process may do.
pub struct Cage {
    command_line: Vec<String>,
    executable: Option<PathBuf>,
    /// What the process was started with, whatever was set since.
    environment: Vec<(String, String)>,
    own: CommandLine,
}

impl Cage {
    fn new(command_line: Vec<String>) -> Self {
        let arguments = command_line.get(1..).unwrap_or_default();
        Self {
            executable: std::env::current_exe().ok(),
            environment: procfs::initial_environment().unwrap_or_default(),
            own: CommandLine::parse(arguments).unwrap_or_default(),
            command_line,
        }
    }

    /// What this process was started with, executable first.
    pub fn command_line(&self) -> &[String] {
        &self.command_line
    }

    /// Fails unless a child with these arguments has at most this process's permissions.
    pub fn require_start(&self, path: &Path, arguments: &[String]) -> Result<()> {
        if self.executable.as_deref() != Some(path) {
            return Err(refused(format!(
                "a process with limited permissions starts its own executable only, not \"{}\"",
                path.display()
            )));
        }
        let wanted = CommandLine::parse(arguments)
            .ok_or_else(|| refused("the command line is not one of this library's".into()))?;
        self.own.require_covers(&wanted)
    }

    /// The environment of a child: `wanted`, or what this process was started with. Fails if a
    /// variable differs that was not granted by name.
    pub fn environment(
        &self,
        wanted: Option<&[(String, String)]>,
    ) -> Result<Vec<(String, String)>> {
        let Some(wanted) = wanted else {
            return Ok(self.environment.clone());
        };
        for variable in wanted {
            let (name, _) = variable;
            let harmless = !LOADER_PREFIXES
                .iter()
                .any(|prefix| name.starts_with(prefix));
            let granted = harmless && self.own.covers_item("env", name);
            if !granted && !self.environment.contains(variable) {
                return Err(refused(format!(
                    "its environment variable \"{name}\" was not granted by name"
                )));
            }
        }
        Ok(wanted.to_vec())
    }

    /// Fails unless this process may read the directory that a child is to begin in: a failure to
    /// begin there would tell whether it exists.
    pub fn require_directory(&self, path: &Path) -> Result<()> {
        let path = path.to_string_lossy();
        if self.own.covers_path("read", &path) {
            return Ok(());
        }
        Err(refused(format!("read access to \"{path}\" is missing")))
    }

    /// Whether a child may be told to import the module before its program begins.
    pub fn may_load(&self, url: &str) -> bool {
        self.own.may_load(url)
    }

    /// Whether it was granted to load libraries, besides the addon at this path.
    pub fn may_load_others(&self, addon: &str) -> bool {
        match self.own.grant("ffi") {
            Grant::Nothing => false,
            Grant::Everything => true,
            Grant::Items(items) => items.iter().any(|item| item != addon),
        }
    }

    fn require_net(&self, host: &str, port: u16) -> Result<()> {
        if covers_host(&self.own.grant("net"), host, port) {
            return self.require_not_denied(host, port);
        }
        Err(net_refused(host, port))
    }

    fn require_not_denied(&self, host: &str, port: u16) -> Result<()> {
        if covers_host(&self.own.denial("net"), host, port) {
            return Err(net_refused(host, port));
        }
        Ok(())
    }

    fn require_local(&self, name: &[u8]) -> Result<()> {
        let path = String::from_utf8_lossy(name);
        // No flag can name an abstract one.
        let granted = if name.starts_with(b"\0") {
            self.own.grant("net") == Grant::Everything && self.own.denial("net") == Grant::Nothing
        } else {
            self.covers_file(&path) && names_socket(&self.own.grant("net"), &path) && {
                let denied = self.own.denial("net");
                !names_socket(&denied, &path)
            }
        };
        if granted {
            return Ok(());
        }
        Err(local_refused(&path))
    }

    fn require_real(&self, path: &Path) -> Result<()> {
        let text = path.to_string_lossy();
        let granted = !path.starts_with("/proc")
            && self.covers_file(&text)
            && !names_socket(&self.own.denial("net"), &text);
        if granted {
            return Ok(());
        }
        Err(local_refused(&text))
    }

    fn covers_file(&self, path: &str) -> bool {
        PATH_NAMES
            .iter()
            .all(|name| self.own.covers_path(name, path))
    }
}

fn net_refused(host: &str, port: u16) -> Error {
    refused(format!("net access to \"{host}:{port}\" is missing"))
}

fn local_refused(path: &str) -> Error {
    refused(format!("access to the local socket {path:?} is missing"))
}

fn covers_host(grant: &Grant, host: &str, port: u16) -> bool {
    match grant {
        Grant::Nothing => false,
        Grant::Everything => true,
        Grant::Items(items) => items.iter().any(|item| matches_host(item, host, port)),
    }
}

/// Whether `--allow-net` means the UNIX socket: an item is its whole path.
fn names_socket(grant: &Grant, path: &str) -> bool {
    match grant {
        Grant::Nothing => false,
        Grant::Everything => true,
        Grant::Items(items) => items
            .iter()
            .any(|item| item.strip_prefix(UNIX).is_some_and(|own| own == path)),
    }
}

/// How an item of `--allow-net` begins that is no host.
const UNIX: &str = "unix:";

/// Whether an item of `--allow-net` means the address: a host or `*.` and the end of one, a range
/// of addresses, with a port or without.
fn matches_host(item: &str, host: &str, port: u16) -> bool {
    if item.starts_with(UNIX) {
        return false;
    }
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let host = host.strip_suffix('.').unwrap_or(host);
    let host_address = host.parse::<IpAddr>().ok();
    let with_port = format!(":{port}");
    let is_address = item.parse::<IpAddr>().is_ok();
    let item = match item.strip_suffix(&with_port) {
        Some(item) if !is_address => item,
        _ => item,
    };
    let item = item.trim_start_matches('[').trim_end_matches(']');
    if let (Some((network, bits)), Some(address)) = (item.split_once('/'), host_address) {
        let network = network.parse::<IpAddr>();
        let address = address.to_canonical();
        return network
            .is_ok_and(|network| is_within(address, network, bits.parse().unwrap_or(255)));
    }
    if let (Ok(item), Some(address)) = (item.parse::<IpAddr>(), host_address) {
        return item.to_canonical() == address.to_canonical();
    }
    match item.strip_prefix('*') {
        Some(end) => host
            .len()
            .checked_sub(end.len())
            .and_then(|at| host.get(at..))
            .is_some_and(|tail| tail.eq_ignore_ascii_case(end)),
        None => item.eq_ignore_ascii_case(host),
    }
}

fn is_within(address: IpAddr, network: IpAddr, bits: u32) -> bool {
    let (address, network, width) = match (address, network) {
        (IpAddr::V4(address), IpAddr::V4(network)) => (
            u128::from(address.to_bits()),
            u128::from(network.to_bits()),
            32,
        ),
        (IpAddr::V6(address), IpAddr::V6(network)) => (address.to_bits(), network.to_bits(), 128),
        _ => return false,
    };
    bits <= width && (address ^ network).checked_shr(width - bits).unwrap_or(0) == 0
}

/// What the flags of one name say.
#[derive(Debug, PartialEq, Eq)]
enum Grant {
    Nothing,
    Everything,
    Items(Vec<String>),
}

/// The command line of a caged process, without the executable.
#[derive(Debug, Default, PartialEq, Eq)]
struct CommandLine {
    /// `--allow-…`, `--deny-…`, `--ignore-…`.
    permissions: Vec<String>,
    /// All other flags, sorted.
    flags: Vec<String>,
    /// The entry module up to its list of modules, and the modules.
    head: String,
    modules: Vec<String>,
    main: String,
}

impl CommandLine {
    /// Reads what `src/command_line.ts` has written; `None` if it is anything else.
    fn parse(arguments: &[String]) -> Option<Self> {
        let (command, rest) = arguments.split_first()?;
        if command != "run" {
            return None;
        }
        let mut read = Self::default();
        let mut entries = 0;
        for argument in rest {
            if argument.starts_with(ENTRY) {
                (read.head, read.modules) = parse_entry(argument.strip_prefix(MARK)?)?;
                entries += 1;
            } else if is_permission(argument) {
                read.permissions.push(argument.clone());
            } else if argument.len() > 2 && argument.starts_with("--") {
                read.flags.push(argument.clone());
            } else if argument.starts_with('-') {
                return None;
            } else {
                read.main.clone_from(argument);
                break;
            }
        }
        read.flags.sort();
        let is_whole = entries == 1 && !read.main.is_empty();
        is_whole.then_some(read)
    }

    /// Fails unless `wanted` is this command line with no more permissions.
    fn require_covers(&self, wanted: &Self) -> Result<()> {
        if wanted.main != self.main || wanted.head != self.head {
            return Err(refused("it is to run another program".into()));
        }
        let mut flags = wanted.flags.clone();
        if !self.flags.iter().any(|flag| flag == CACHED_ONLY) {
            flags.retain(|flag| flag != CACHED_ONLY); // forbids more
        }
        if flags != self.flags {
            return Err(refused("its flags are not those of this process".into()));
        }
        for denial in &self.permissions {
            if !denial.starts_with("--allow-") && !wanted.permissions.contains(denial) {
                return Err(refused(format!("\"{denial}\" is missing")));
            }
        }
        for flag in &wanted.permissions {
            if !self.covers_flag(flag) {
                return Err(refused(format!("\"{flag}\" is more than this process has")));
            }
        }
        match wanted.modules.iter().find(|url| !self.may_load(url)) {
            None => Ok(()),
            Some(url) => Err(refused(format!("it is to import \"{url}\""))),
        }
    }

    fn covers_flag(&self, flag: &str) -> bool {
        if !flag.starts_with("--allow-") {
            return true;
        }
        let (flag, value) = match flag.split_once('=') {
            Some((flag, value)) => (flag, Some(value)),
            None => (flag, None),
        };
        let name = flag.trim_start_matches("--allow-");
        if !NAMES.contains(&name) {
            return false;
        }
        match (self.grant(name), value) {
            (Grant::Everything, None) => true,
            (_, None) => false,
            (_, Some(items)) => items.split(',').all(|item| {
                !item.is_empty()
                    && if PATH_NAMES.contains(&name) {
                        self.is_inside(&self.grant(name), item)
                    } else {
                        self.grant(name) == Grant::Everything || self.covers_item(name, item)
                    }
            }),
        }
    }

    /// Whether an item of a list is granted by name, not by everything being granted.
    fn covers_item(&self, name: &str, item: &str) -> bool {
        let Grant::Items(own) = self.grant(name) else {
            return false;
        };
        own.iter().any(|own| {
            own == item
                || match name {
                    "env" => own
                        .strip_suffix('*')
                        .is_some_and(|own| item.starts_with(own)),
                    // A host includes its ports.
                    "net" | "import" => {
                        !item.starts_with(UNIX)
                            && item.rsplit_once(':').is_some_and(|(host, _)| host == own)
                    }
                    _ => false,
                }
        })
    }

    /// Whether the path is granted and not denied.
    fn covers_path(&self, name: &str, path: &str) -> bool {
        let denied = self.denial(name);
        self.is_inside(&self.grant(name), path)
            && denied != Grant::Everything
            && !self.is_inside(&denied, path)
    }

    fn is_inside(&self, grant: &Grant, path: &str) -> bool {
        let is_plain = path.starts_with('/')
            && Path::new(path)
                .components()
                .all(|part| !matches!(part, std::path::Component::ParentDir));
        is_plain
            && match grant {
                Grant::Nothing => false,
                Grant::Everything => true,
                Grant::Items(own) => own.iter().any(|own| Path::new(path).starts_with(own)),
            }
    }

    fn may_load(&self, url: &str) -> bool {
        if self.modules.iter().any(|own| own == url) || url == self.main {
            return true;
        }
        if url.starts_with("https:") || url.starts_with("http:") {
            return true; // Deno asks for `import`, and remote modules import no files
        }
        // What a module of the entry names is loaded without asking. A module that the process may
        // write could name any file: then it could read what it may not.
        url.strip_prefix("file://")
            .and_then(decode)
            .is_some_and(|path| {
                self.covers_path("read", &path) && !self.is_inside(&self.grant("write"), &path)
            })
    }

    fn grant(&self, name: &str) -> Grant {
        self.flags_of("--allow-", name)
    }

    fn denial(&self, name: &str) -> Grant {
        self.flags_of("--deny-", name)
    }

    fn flags_of(&self, prefix: &str, name: &str) -> Grant {
        let mut items = Vec::new();
        for flag in &self.permissions {
            let Some(rest) = flag
                .strip_prefix(prefix)
                .and_then(|rest| rest.strip_prefix(name))
            else {
                continue;
            };
            match rest.strip_prefix('=') {
                Some(list) => items.extend(list.split(',').map(str::to_owned)),
                None if rest.is_empty() => return Grant::Everything,
                None => {}
            }
        }
        if items.is_empty() {
            Grant::Nothing
        } else {
            Grant::Items(items)
        }
    }
}

const CACHED_ONLY: &str = "--cached-only";

fn is_permission(argument: &str) -> bool {
    let prefixes = ["--allow-", "--deny-", "--ignore-"];
    prefixes.iter().any(|prefix| argument.starts_with(prefix))
        && !argument.starts_with("--allow-scripts")
}

/// The text before the list of modules and the modules of an entry; see `entryModule` in
/// `src/command_line.ts`.
fn parse_entry(base64: &str) -> Option<(String, Vec<String>)> {
    let source = String::from_utf8(decode_base64(base64)?).ok()?;
    let at = source.find(LIST)? + LIST.len();
    let (head, mut rest) = source.split_at(at);
    let mut modules = Vec::new();
    while rest != "})" {
        if !modules.is_empty() {
            rest = rest.strip_prefix(',')?;
        }
        let (url, after) = parse_string(rest)?;
        let (same, after) = parse_string(after.strip_prefix(":()=>import(")?)?;
        rest = after.strip_prefix(')')?;
        if url != same {
            return None;
        }
        modules.push(url.to_owned());
    }
    Some((head.to_owned(), modules))
}

const LIST: &str = ";await start({";

/// A string without escapes, and what follows it.
fn parse_string(text: &str) -> Option<(&str, &str)> {
    let (string, rest) = text.strip_prefix('"')?.split_once('"')?;
    (!string.contains('\\')).then_some((string, rest))
}

fn decode_base64(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut count) = (0u32, 0);
    for digit in text.trim_end_matches('=').bytes() {
        let value = match digit {
            b'A'..=b'Z' => digit - b'A',
            b'a'..=b'z' => digit - b'a' + 26,
            b'0'..=b'9' => digit - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
        }
    }
    Some(bytes)
}

/// The path of a file URL: percent signs stand for bytes, and there is nothing behind the path.
fn decode(path: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = path.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'%' => {
                let digits = [rest.next()?, rest.next()?];
                let digits = std::str::from_utf8(&digits).ok()?;
                bytes.push(u8::from_str_radix(digits, 16).ok()?);
            }
            b'?' | b'#' => return None,
            byte => bytes.push(byte),
        }
    }
    // What links lead elsewhere is found by the kernel only.
    let path = fs::canonicalize(String::from_utf8(bytes).ok()?).ok()?;
    path.to_str().map(str::to_owned)
}

#[cfg(test)]
mod tests;
