//! What TypeScript sees of an engine: flat functions of numbers, texts and bytes. It is a native library of its own, so
//! that programs of one machine have nothing of it.

#![cfg_attr(
    test,
    allow(
        dead_code,
        unused_imports,
        reason = "Node-API is only there inside a runtime: the addon is tested from JavaScript"
    )
)]

mod args;
mod bell;
mod farewell;
mod port;
mod sessions;

use napi_derive::napi;

/// Names the interface: src/engine/load.ts refuses any other than that of src/engine/interface.ts.
#[napi]
pub fn interface() -> &'static str {
    env!("ENGINE_INTERFACE")
}

/// Makes this process the leader of a process group of its own, so that whoever watches it can stop it with what it has
/// started; and has it killed when whoever has started it ends: where it is stopped then, nothing else reaches it.
#[napi]
pub fn own_group() {
    let _ = rustix::process::setpgid(None, None);
    let _ = rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL));
}
