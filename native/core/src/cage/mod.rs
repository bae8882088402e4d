//! The cage: what native code may do in a process that was started with fewer permissions than
//! its parent has.
//!
//! Deno does not confine native code, so the library confines itself. The program in such a
//! process is taken to be hostile: it can call every function of the addon with any argument. What
//! it may do is known before it runs: its parent has written its command line, with Deno's own
//! permission flags, where the program reaches it neither here nor in the parent (`processes::Cage`).
//! The kernel's copy in `/proc/self/cmdline` is looked at for the mark ([`MARK`]), too: it is there
//! before the tree is joined. But it is this process's own memory, which `process.title` overwrites; so a
//! child joins the tree before the modules run that the user preloads. Once closed it stays closed: no call of the addon
//! opens it, and no command line that it lets through starts a freer process. It is about native
//! code alone; what Deno does without asking for a permission, it does here, too (README.md has it).
//!
//! | asked for              | granted if                                                        |
//! | ---------------------- | ----------------------------------------------------------------- |
//! | a child                | its command line is this process's own, word by word, with no more permissions, and modules that this process could load itself; its environment is the one this process was started with, but for variables that are granted by name |
//! | a network address      | `--allow-net` covers it as it is written, and no `--deny-net` that or what it turns out to be |
//! | a path (local sockets) | `--allow-read` and `--allow-write` cover it and where it leads to, `--allow-net` has it as `unix:` and the path, and there is no denial; none through `/proc` |
//! | named shared memory    | `--allow-read` and `--allow-write` cover its file in `/dev/shm`, and there is no denial |
//! | a shared object        | this process made it or was given it (`member/gifts.rs`)          |
//!
//! - [`entry`]: the argument that names the entry module: its mark, and the modules it imports.
//! - [`command_line`]: what the flags grant, and whether another command line is covered by this one.
//! - [`addresses`]: hosts and local sockets.

mod addresses;
mod command_line;
mod entry;

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::error::{Error, Result};
use crate::sys::procfs;
use command_line::{CommandLine, Grant, flags_before_program};
use entry::MARK;

/// How the names of variables begin, in capitals, that say to a new process, before its program
/// runs or without asking for a permission, what to load, whom to trust or whom to talk to: none
/// of them may differ. To add one, look for it in Deno, V8, the C library and graphics drivers
/// (WebGPU needs no permission).
const LOADER_PREFIXES: [&str; 4] = [
    // Deno, its cache and its registries.
    "DENO_ NODE_ NPM_ JSR_ V8_ UV_ HOME XDG_ TMPDIR PATH MULTIPROCESSING_",
    // Whom it trusts, and what it sends where.
    "SSL OPENSSL_ OTEL_ HTTP_PROXY HTTPS_PROXY ALL_PROXY NO_PROXY",
    // The C library.
    "LD_ GLIBC_ GCONV_ MALLOC_ LOCPATH NLSPATH HOSTALIASES LOCALDOMAIN RES_OPTIONS",
    // Graphics drivers and databases.
    "VK_ EGL_ __EGL_ __GLX_ LIBGL_ MESA_ GALLIUM_ WGPU_ SQLITE_",
];

/// What the parent has told. Once there is a cage it stays.
static TOLD: OnceLock<Cage> = OnceLock::new();

/// The cage of this process; `None` if it is in none.
pub fn current() -> Option<&'static Cage> {
    /// What the command line says when the addon is loaded, which asks at once.
    static FOUND: OnceLock<Option<Cage>> = OnceLock::new();
    let found = FOUND.get_or_init(|| {
        let arguments = procfs::command_line().unwrap_or_default();
        let is_found = is_caged(arguments.get(1..).unwrap_or_default());
        is_found.then(|| Cage::new(arguments))
    });
    TOLD.get().or(found.as_ref())
}

/// Puts this process into a cage, as its parent says: with that command line, executable first.
/// What cannot be read grants nothing.
pub fn close(command_line: Vec<String>) {
    let _ = TOLD.set(Cage::new(command_line));
}

/// Whether these arguments, without the executable, start a caged process. Those behind the main
/// module are the program's and say nothing.
pub fn is_caged(arguments: &[String]) -> bool {
    let Some((command, rest)) = arguments.split_first() else {
        return false;
    };
    command == "run"
        && flags_before_program(rest)
            .iter()
            .any(|flag| flag.starts_with(MARK))
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

/// Fails unless this process may read and write the file. For functions that open, or remove, named shared memory.
pub fn require_file(path: &str) -> Result<()> {
    current().map_or(Ok(()), |cage| cage.require_file(path))
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
            let capitals = name.to_ascii_uppercase();
            let harmless = !LOADER_PREFIXES
                .iter()
                .flat_map(|group| group.split(' '))
                .any(|prefix| capitals.starts_with(prefix));
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
}

#[cfg(test)]
mod tests;
