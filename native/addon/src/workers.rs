//! Notes that all JavaScript threads of this process share. Each of Deno's Workers loads the
//! package anew; the main thread notes the facts about the process, and Workers look them up.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use napi::bindgen_prelude::Buffer;
use napi_derive::napi;

use crate::abi::bytes::ByteArray;

static NOTES: Mutex<Option<HashMap<String, Vec<u8>>>> = Mutex::new(None);

fn notes() -> MutexGuard<'static, Option<HashMap<String, Vec<u8>>>> {
    // The map is whole even after a panic elsewhere: nothing panics while it is locked.
    NOTES.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Notes the bytes, in the place of what was noted under that name.
#[napi]
pub fn note(name: String, bytes: ByteArray) {
    notes()
        .get_or_insert_default()
        .insert(name, bytes.source().to_vec());
}

/// Notes the bytes unless something is noted under that name; what is noted then. So threads agree.
#[napi]
pub fn agree(name: String, proposal: ByteArray) -> Buffer {
    let mut notes = notes();
    let noted = notes.get_or_insert_default().entry(name);
    noted
        .or_insert_with(|| proposal.source().to_vec())
        .clone()
        .into()
}

/// What is noted under that name; `null` if nothing is.
#[napi]
pub fn noted(name: String) -> Option<Buffer> {
    Some(notes().as_ref()?.get(&name)?.clone().into())
}
