// Part of both build.rs and library.rs.

/// The name of the library, and how those of its functions begin, with `_` behind it: by the version, of which patches
/// share it.
macro_rules! library_name {
    () => {
        concat!(
            "mp_",
            env!("CARGO_PKG_VERSION_MAJOR"),
            "_",
            env!("CARGO_PKG_VERSION_MINOR")
        )
    };
}

/// FNV-1a: tells texts apart that are not the same by mistake; nobody is kept out by it.
fn hash_of(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// The parts in a folder, in the order of its `order.txt`, and their hash, which the text itself tells.
fn text_of(
    folder: &Path,
    read: impl Fn(&Path) -> std::io::Result<String>,
) -> std::io::Result<(String, String)> {
    let order = read(&folder.join("order.txt"))?;
    let mut text = concat!("#!lua name=", library_name!(), "\n").to_owned();
    for name in order.lines().map(str::trim).filter(|it| !it.is_empty()) {
        text += &read(&folder.join(format!("{name}.lua")))?;
    }
    let prefix = concat!("local PREFIX = \"", library_name!(), "_\"\n");
    if !text.contains(prefix) {
        let why = format!("frame.lua is of another version, wanted {prefix}");
        return Err(std::io::Error::other(why));
    }
    let hash = format!("{:016x}", hash_of(&text));
    text += &format!("look(\"library\", {{ \"no-writes\" }}, function() return {{ \"ok\", \"{hash}\" }} end)\n");
    Ok((text, hash))
}
