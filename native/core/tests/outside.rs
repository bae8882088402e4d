//! Who may look at a tree from outside: a process of the same user, and no other.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::process::Command;

use multiprocessing_core::live;
use multiprocessing_core::tree::member::Member;

/// Set in the process that looks.
const LOOKS: &str = "MULTIPROCESSING_TEST_LOOKS";
/// The user and group "nobody" of every Linux.
const NOBODY: u32 = 65534;

/// Prints what it sees, as another process of this program.
#[test]
fn looks() {
    if std::env::var_os(LOOKS).is_some() {
        println!("seen: {}", live::look().unwrap());
    }
}

/// A copy of this program that everybody may run.
fn copied() -> std::path::PathBuf {
    let path = std::env::temp_dir().join(format!("mp-outside-{}", std::process::id()));
    std::fs::copy(std::env::current_exe().unwrap(), &path).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path
}

fn seen_by(command: &mut Command) -> String {
    let output = command
        .args(["--exact", "looks", "--nocapture"])
        .env(LOOKS, "1")
        .current_dir("/")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success() && text.contains("seen: "),
        "{output:?}"
    );
    text
}

#[test]
fn only_the_same_user_sees_a_tree() {
    let _member = Member::root("seen or not").unwrap();
    let path = copied();
    let own = seen_by(&mut Command::new(&path));
    assert!(own.contains("\"seen or not\""), "{own}");
    // Only root may become another user.
    let is_root = std::fs::metadata("/proc/self")
        .is_ok_and(|it| std::os::unix::fs::MetadataExt::uid(&it) == 0);
    if is_root {
        let others = seen_by(Command::new(&path).uid(NOBODY).gid(NOBODY));
        assert!(!others.contains("seen or not"), "{others}");
        assert!(others.contains(r#""trees":[]"#), "{others}");
    } else {
        println!("left out: what another user sees, since this one is not root");
    }
    std::fs::remove_file(path).unwrap();
}
