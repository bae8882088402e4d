//! The command line of a caged process: what its flags grant, and whether a child's is no more.
//!
//! It is read as narrowly as `src/command_line.ts` writes it: whatever else there is, is refused.

use std::path::{Component, Path};

use super::addresses::UNIX;
use super::entry::{ENTRY, MARK, parse_entry, path_of_url};
use super::refused;
use crate::error::Result;

pub(super) const PATH_NAMES: [&str; 2] = ["read", "write"];
const NAMES: [&str; 8] = ["read", "write", "net", "env", "sys", "run", "ffi", "import"];

const CACHED_ONLY: &str = "--cached-only";

/// What the flags of one name say.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Grant {
    Nothing,
    Everything,
    Items(Vec<String>),
}

/// The command line of a caged process, without the executable.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct CommandLine {
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
    pub(super) fn parse(arguments: &[String]) -> Option<Self> {
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
    pub(super) fn require_covers(&self, wanted: &Self) -> Result<()> {
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
    pub(super) fn covers_item(&self, name: &str, item: &str) -> bool {
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
    pub(super) fn covers_path(&self, name: &str, path: &str) -> bool {
        let denied = self.denial(name);
        self.is_inside(&self.grant(name), path)
            && denied != Grant::Everything
            && !self.is_inside(&denied, path)
    }

    fn is_inside(&self, grant: &Grant, path: &str) -> bool {
        let is_plain = path.starts_with('/')
            && Path::new(path)
                .components()
                .all(|part| !matches!(part, Component::ParentDir));
        is_plain
            && match grant {
                Grant::Nothing => false,
                Grant::Everything => true,
                Grant::Items(own) => own.iter().any(|own| Path::new(path).starts_with(own)),
            }
    }

    pub(super) fn may_load(&self, url: &str) -> bool {
        if self.modules.iter().any(|own| own == url) || url == self.main {
            return true;
        }
        if url.starts_with("https:") || url.starts_with("http:") {
            return true; // Deno asks for `import`, and remote modules import no files
        }
        // What a module of the entry names is loaded without asking. A module that the process may
        // write could name any file: then it could read what it may not.
        url.strip_prefix("file://")
            .and_then(path_of_url)
            .is_some_and(|path| {
                self.covers_path("read", &path) && !self.is_inside(&self.grant("write"), &path)
            })
    }

    pub(super) fn grant(&self, name: &str) -> Grant {
        self.flags_of("--allow-", name)
    }

    pub(super) fn denial(&self, name: &str) -> Grant {
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

fn is_permission(argument: &str) -> bool {
    let prefixes = ["--allow-", "--deny-", "--ignore-"];
    prefixes.iter().any(|prefix| argument.starts_with(prefix))
        && !argument.starts_with("--allow-scripts")
}
