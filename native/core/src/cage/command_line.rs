//! The command line of a caged process: what its flags grant, and whether a child's is no more.
//!
//! It is read as narrowly as `src/launch/child_command_line.ts` writes it: whatever else there is, is refused.
//! What must not differ from this process's own is compared word by word and in order, and every
//! value is attached to its flag: so Deno takes no word for a value that is a flag here, nor the
//! other way round.

use std::path::{Component, Path};

use super::addresses::UNIX;
use super::entry::{BOOT, ENTRY, MARK, parse_entry, path_of_url};
use super::refused;
use crate::error::Result;

pub(super) const PATH_NAMES: [&str; 2] = ["read", "write"];
const NAMES: [&str; 8] = ["read", "write", "net", "env", "sys", "run", "ffi", "import"];

const ALLOW: &str = "--allow-";
const CACHED_ONLY: &str = "--cached-only";

/// Flags that never take the next word for their value, besides those that begin with
/// [`BARE_PREFIXES`]. Deno does so for others, `--conditions` or `--lock`, even if that word is a
/// flag.
const BARE_FLAGS: [&str; 10] = [
    CACHED_ONLY,
    "--allow-scripts",
    "--frozen",
    "--frozen-lockfile",
    "--node-modules-dir",
    "--quiet",
    "--unsafely-ignore-certificate-errors",
    "--unstable",
    "--use-env-proxy",
    "--vendor",
];
const BARE_PREFIXES: [&str; 5] = ["--no-", "--unstable-", ALLOW, "--deny-", "--ignore-"];

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
    /// `--allow-…`, each name at most once: of two, Deno takes the list.
    grants: Vec<String>,
    /// All other flags, `--deny-…` among them, in their order.
    flags: Vec<String>,
    /// It forbids more, and stands where it is wished for.
    is_cached_only: bool,
    /// The entry module, which is the last flag, up to its list of modules, and the modules.
    head: String,
    modules: Vec<String>,
    /// The main module and the program's arguments.
    program: Vec<String>,
}

impl CommandLine {
    /// Reads what `src/launch/child_command_line.ts` has written; `None` if it is anything else.
    pub(super) fn parse(arguments: &[String]) -> Option<Self> {
        let (command, rest) = arguments.split_first()?;
        let flags = flags_before_program(rest);
        let program = rest.get(flags.len()..)?;
        let (entry, flags) = flags.split_last()?;
        if command != "run" || program.first()?.starts_with('-') {
            return None;
        }
        let (head, modules) = parse_entry(entry.strip_prefix(MARK)?)?;
        let mut read = Self {
            head,
            modules,
            program: program.to_vec(),
            ..Self::default()
        };
        for flag in flags {
            // A boot module is compared word by word, as are the user's.
            let is_entry = flag.starts_with(ENTRY) && !flag.starts_with(BOOT);
            if is_entry || !is_whole(flag) {
                return None;
            } else if flag == CACHED_ONLY {
                read.is_cached_only = true;
            } else if is_grant(flag) {
                if read
                    .grants
                    .iter()
                    .any(|other| name_of(other) == name_of(flag))
                {
                    return None;
                }
                read.grants.push(flag.clone());
            } else {
                read.flags.push(flag.clone());
            }
        }
        Some(read)
    }

    /// Fails unless `wanted` is this command line with no more permissions.
    pub(super) fn require_covers(&self, wanted: &Self) -> Result<()> {
        if wanted.program != self.program || wanted.head != self.head {
            return Err(refused("it is to run another program".into()));
        }
        // Denials are among them: one more of a name would take the place of one without a list.
        if wanted.flags != self.flags || self.is_cached_only && !wanted.is_cached_only {
            return Err(refused("its flags are not those of this process".into()));
        }
        for flag in &wanted.grants {
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
        let (flag, value) = match flag.split_once('=') {
            Some((flag, value)) => (flag, Some(value)),
            None => (flag, None),
        };
        let name = flag.trim_start_matches(ALLOW);
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
                Grant::Items(own) => own
                    .iter()
                    .any(|own| own.starts_with('/') && Path::new(path).starts_with(own)),
            }
    }

    pub(super) fn may_load(&self, url: &str) -> bool {
        let is_main = self.program.first().is_some_and(|main| main == url);
        if is_main || self.modules.iter().any(|own| own == url) {
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
        list_of(&self.grants, ALLOW, name)
    }

    pub(super) fn denial(&self, name: &str) -> Grant {
        list_of(&self.flags, "--deny-", name)
    }
}

/// What the flags with that prefix say of that name.
fn list_of(flags: &[String], prefix: &str, name: &str) -> Grant {
    let mut items = Vec::new();
    for flag in flags {
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

/// The flags of a command line, without its command: what comes before the main module, as long as
/// every value is attached to its flag.
pub(super) fn flags_before_program(words: &[String]) -> &[String] {
    let is_flag = |word: &String| word.len() > 2 && word.starts_with("--");
    let end = words.iter().position(|word| !is_flag(word));
    &words[..end.unwrap_or(words.len())]
}

/// Whether Deno surely takes the flag to end with its word.
fn is_whole(flag: &str) -> bool {
    flag.contains('=')
        || BARE_FLAGS.contains(&flag)
        || BARE_PREFIXES.iter().any(|prefix| flag.starts_with(prefix))
}

fn is_grant(flag: &str) -> bool {
    flag.starts_with(ALLOW) && name_of(flag) != "--allow-scripts"
}

fn name_of(flag: &str) -> &str {
    flag.split_once('=').map_or(flag, |(name, _)| name)
}
