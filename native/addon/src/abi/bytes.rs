//! Byte arrays that JavaScript gives to a call. What is under one may be shared, with other threads (a
//! `SharedArrayBuffer`) or with other processes (a `RawArray`), which write there as they like: so
//! there is never a reference to it, as napi-rs would make one.
#![expect(unsafe_code, reason = "Node-API itself")]

use std::marker::PhantomData;

use addon_common::arrays::bytes_of;
use multiprocessing_core::sys::bytes::{Bytes, BytesMut};
use napi::bindgen_prelude::FromNapiValue;
use napi::{Error, Status, sys};

/// A `Uint8Array`, for as long as the call that it was given to.
pub struct ByteArray<'call> {
    start: *mut u8,
    len: usize,
    call: PhantomData<&'call ()>,
}

impl<'call> ByteArray<'call> {
    pub fn source(&self) -> Bytes<'call> {
        self.target().source()
    }

    pub fn target(&self) -> BytesMut<'call> {
        // SAFETY: what V8 has said of an array that is alive during the call. The only bytes of
        // JavaScript to which the addon makes references are those of its scratch buffer, and that
        // only in calls that are given no array.
        unsafe { BytesMut::from_raw(self.start, self.len) }
    }
}

impl FromNapiValue for ByteArray<'_> {
    unsafe fn from_napi_value(env: sys::napi_env, value: sys::napi_value) -> napi::Result<Self> {
        // SAFETY: the caller gives a live value of a running call.
        let Some((start, len)) = (unsafe { bytes_of(env, value) }) else {
            let reason = "Cannot call the addon: wanted a Uint8Array";
            return Err(Error::new(Status::InvalidArg, reason));
        };
        let call = PhantomData;
        Ok(Self { start, len, call })
    }
}
