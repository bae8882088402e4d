use napi_derive::napi;
#[napi]
pub fn abi() -> u32 { 1 }
