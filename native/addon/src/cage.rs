//! What JavaScript asks about cages, the limits of processes with permissions of their own: see
//! `native/core/src/cage`.

use multiprocessing_core::cage;
use napi_derive::napi;

use crate::abi::errors::Result;
use crate::tree::tree;

/// Whether this process is in a cage.
#[napi]
pub fn is_caged() -> bool {
    cage::current().is_some()
}

/// Whether a process of the tree was ever started in a cage.
#[napi]
pub fn tree_has_cage() -> Result<bool> {
    Ok(tree()?.member.arena().has_cage())
}

/// Whether a child of this caged process may be told to import the module; `true` in a free one.
#[napi]
pub fn may_load(url: String) -> bool {
    cage::current().is_none_or(|cage| cage.may_load(&url))
}

/// Whether this process was granted to load libraries, besides the addon at this path; `true` in a
/// free one.
#[napi]
pub fn may_load_others(addon: String) -> bool {
    cage::current().is_none_or(|cage| cage.may_load_others(&addon))
}
