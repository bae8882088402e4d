//! What this process sees of the trees of its user. It need be in none itself.

use multiprocessing_core::live;
use napi_derive::napi;

use crate::abi::errors::{Result, to_js};
use crate::tree::tree;

/// The trees of this user that other processes are in, as JSON: the snapshot of `src/live`, without what
/// the host adds.
#[napi]
pub fn live_trees() -> Result<String> {
    live::look().map_err(to_js)
}

/// Gives a block the name by which others see it. Without room for that it stays without one, which costs
/// the program nothing else.
#[napi]
pub fn name_block(id: u32, name: String) -> Result<()> {
    let _ = tree()?.member.name_block(id, &name);
    Ok(())
}
