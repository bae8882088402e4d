//! Byte arrays that JavaScript gives to a call. What is under one may be shared, with other threads (a
//! `SharedArrayBuffer`) or with other processes (a `RawArray`), which write there as they like: so there is never a
//! reference to it, as napi-rs would make one.
#![expect(unsafe_code, reason = "Node-API itself")]

use std::ptr;

use napi::sys;

/// Where the bytes of a `Uint8Array` begin, and how many there are; `None` for any other value. They stay during the call.
///
/// # Safety
///
/// `value` is a live value of a running call in `env`.
pub unsafe fn bytes_of(env: sys::napi_env, value: sys::napi_value) -> Option<(*mut u8, usize)> {
    let (mut kind, mut len, mut data) = (0, 0, ptr::null_mut());
    let (mut buffer, mut offset) = (ptr::null_mut(), 0);
    // SAFETY: of the caller; Node-API fails for what is no typed array.
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
        return None;
    }
    let start = if data.is_null() {
        ptr::dangling_mut() // there are no bytes
    } else {
        data.cast()
    };
    Some((start, len))
}

/// A copy of the bytes of a `Uint8Array`; `None` for any other value.
///
/// # Safety
///
/// `value` is a live value of a running call in `env`.
pub unsafe fn copy_of(env: sys::napi_env, value: sys::napi_value) -> Option<Vec<u8>> {
    // SAFETY: of the caller.
    let (start, len) = unsafe { bytes_of(env, value) }?;
    let mut bytes = Vec::<u8>::with_capacity(len);
    // SAFETY: V8 has said that so many bytes can be read during the call, and room was made for them. Where others are just
    // writing there, any mixture of old and new arrives, as everywhere with shared memory.
    unsafe { start.copy_to_nonoverlapping(bytes.as_mut_ptr(), len) };
    // SAFETY: they have been written.
    unsafe { bytes.set_len(len) };
    Some(bytes)
}
