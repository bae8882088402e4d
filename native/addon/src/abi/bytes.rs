//! Byte arrays that JavaScript gives to a call. What is under one may be shared, with other threads (a
//! `SharedArrayBuffer`) or with other processes (a `RawArray`), which write there as they like: so
//! there is never a reference to it, as napi-rs would make one.
#![expect(unsafe_code, reason = "Node-API itself")]

use std::marker::PhantomData;
use std::ptr;

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
        let (mut kind, mut len, mut data) = (0, 0, ptr::null_mut());
        let (mut buffer, mut offset) = (ptr::null_mut(), 0);
        // SAFETY: the caller gives a live value of a running call; Node-API fails for what is no
        // typed array.
        let status = unsafe {
            sys::napi_get_typedarray_info(
                env,
                value,
                &mut kind,
                &mut len,
                &mut data,
                &mut buffer,
                &mut offset,
            )
        };
        if status != sys::Status::napi_ok || kind != sys::TypedarrayType::uint8_array {
            let reason = "Cannot call the addon: wanted a Uint8Array";
            return Err(Error::new(Status::InvalidArg, reason));
        }
        let start = if data.is_null() {
            ptr::dangling_mut() // there are no bytes
        } else {
            data.cast()
        };
        let call = PhantomData;
        Ok(Self { start, len, call })
    }
}
