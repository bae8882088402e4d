//! How the two languages speak to each other: errors, numbers, bytes, and two ways of calling that are shorter
//! than that of napi-rs.

pub mod bytes;
pub mod copies;
pub mod errors;
pub mod numbers;
pub mod numeric;
pub mod quick;

use napi_derive::napi;

/// Names the interface. `src/addon/load.ts` has the same name for what it expects, and refuses any
/// other: both have it from `src/addon/interface.ts`.
#[napi]
pub fn interface() -> &'static str {
    env!("MULTIPROCESSING_INTERFACE")
}

/// The version of the package that the addon belongs to; another one is refused, too.
#[napi]
pub fn version() -> &'static str {
    env!("MULTIPROCESSING_VERSION")
}
