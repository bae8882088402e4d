//! What crosses the border: the arguments of a step, answers and errors.
#![expect(unsafe_code, reason = "Node-API itself")]

use addon_common::arrays::copy_of;
use engine::wire::Answer;
use engine::{Error as EngineError, Kind};
use napi::bindgen_prelude::{FromNapiValue, TypeName, ValidateNapiValue};
use napi::{Error as NapiError, Status, ValueType, sys};

/// A thrown error, whose code src/engine/load.ts turns into an error class.
pub type Error = napi::Error<String>;
pub type Result<T> = std::result::Result<T, Error>;

/// The code of an error.
pub fn code_of(kind: Kind) -> &'static str {
    match kind {
        Kind::Unavailable => "UNAVAILABLE",
        Kind::Overdue => "OVERDUE",
        Kind::Unbegun => "UNBEGUN",
        Kind::Lost => "LOST",
        Kind::Fenced => "FENCED",
        Kind::Closed => "CLOSED",
        Kind::BadUrl => "BAD_URL",
        Kind::Unsupported => "UNSUPPORTED",
        Kind::Refused => "REFUSED",
    }
}

pub fn to_js(error: EngineError) -> Error {
    Error::new(code_of(error.kind).into(), error.message)
}

pub fn from_napi(error: NapiError) -> Error {
    Error::new("REFUSED".into(), error.reason.to_string())
}

/// A text or a `Uint8Array`, copied: what is under an array may be shared with other threads.
pub struct Arg(Vec<u8>);

impl AsRef<[u8]> for Arg {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl TypeName for Arg {
    fn type_name() -> &'static str {
        "string | Uint8Array"
    }

    fn value_type() -> ValueType {
        ValueType::Unknown
    }
}

impl ValidateNapiValue for Arg {}

fn wanted() -> NapiError {
    NapiError::new(
        Status::InvalidArg,
        "Cannot take a step: wanted texts and Uint8Arrays",
    )
}

impl FromNapiValue for Arg {
    unsafe fn from_napi_value(env: sys::napi_env, value: sys::napi_value) -> napi::Result<Self> {
        let mut kind = 0;
        // SAFETY: the caller gives a live value of a running call.
        let status = unsafe { sys::napi_typeof(env, value, &mut kind) };
        if status != sys::Status::napi_ok {
            return Err(wanted());
        }
        if kind == sys::ValueType::napi_string {
            // SAFETY: likewise.
            return unsafe { String::from_napi_value(env, value) }.map(|it| Self(it.into_bytes()));
        }
        // SAFETY: likewise.
        unsafe { copy_of(env, value) }.map(Self).ok_or_else(wanted)
    }
}

/// An answer as one piece: of each part the length, in four bytes, and then its bytes.
pub fn packed(answer: &Answer) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(answer.iter().map(|part| part.len() + 4).sum());
    for part in answer {
        bytes.extend_from_slice(&u32::try_from(part.len()).unwrap_or(u32::MAX).to_le_bytes());
        bytes.extend_from_slice(part);
    }
    bytes
}
