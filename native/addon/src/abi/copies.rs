//! Other copies of the addon in this process: a Worker may load the package from another folder, and
//! with it another file of the addon, which has a tree of its own. Each says by which URL it is in
//! use, under a name that the dynamic linker finds; all versions must keep that name and its form.
#![expect(
    unsafe_code,
    reason = "calls a function of another library, which the dynamic linker finds"
)]

use std::ffi::{CStr, CString, c_char};
use std::mem::transmute;
use std::ptr::null;
use std::sync::OnceLock;

use multiprocessing_core::sys::libraries;
use napi_derive::napi;

/// The URL of the package that uses this copy.
static URL: OnceLock<CString> = OnceLock::new();

/// What [`multiprocessing_url`] is.
type Url = extern "C" fn() -> *const c_char;

/// The URL of the package that uses this copy, as a text that stays; null if none does.
#[unsafe(no_mangle)]
pub extern "C" fn multiprocessing_url() -> *const c_char {
    URL.get().map_or(null(), |url| url.as_ptr())
}

/// The URL of the package that was the first in this process to use a copy of the addon: `url`, if
/// there was none.
#[napi]
pub fn first_copy(url: String) -> String {
    let first = URL.get().cloned().or_else(others).unwrap_or_else(|| {
        // A URL has no NUL.
        let url = CString::new(url).unwrap_or_default();
        URL.get_or_init(|| url).clone()
    });
    first.to_string_lossy().into_owned()
}

/// The URL that another copy is in use by.
fn others() -> Option<CString> {
    libraries::addresses_of(c"multiprocessing_url")
        .into_iter()
        .find_map(|address| {
            // SAFETY: a library with this name is a copy of this one: the function has this type.
            let url = unsafe { transmute::<*mut std::ffi::c_void, Url>(address) }();
            // SAFETY: it is null, or a text that stays, and addons are never unloaded.
            (!url.is_null()).then(|| unsafe { CStr::from_ptr(url) }.to_owned())
        })
}
