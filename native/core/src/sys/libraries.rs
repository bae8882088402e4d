//! The libraries that this process has loaded.
#![expect(
    unsafe_code,
    reason = "dl_iterate_phdr(3), dlopen(3) and dlsym(3) have no safe wrappers"
)]

use std::ffi::{CStr, CString, c_int, c_void};

/// The addresses that a name has in the libraries that are loaded now. Nothing is loaded for it.
pub fn addresses_of(symbol: &CStr) -> Vec<*mut c_void> {
    let mut addresses = Vec::new();
    for name in names() {
        // SAFETY: the name is a text with a NUL; with RTLD_NOLOAD no code of a library runs.
        let library = unsafe { libc::dlopen(name.as_ptr(), libc::RTLD_LAZY | libc::RTLD_NOLOAD) };
        if library.is_null() {
            continue;
        }
        // SAFETY: the library is open, the symbol is a text with a NUL.
        let address = unsafe { libc::dlsym(library, symbol.as_ptr()) };
        // SAFETY: it was opened above; others have it open still.
        unsafe { libc::dlclose(library) };
        if !address.is_null() && !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    addresses
}

/// The names of the libraries, without that of the program, which is empty.
fn names() -> Vec<CString> {
    let mut names: Vec<CString> = Vec::new();
    // SAFETY: `note` gets the address of a list of the type that it takes, which outlives the call.
    unsafe { libc::dl_iterate_phdr(Some(note), (&raw mut names).cast()) };
    names.retain(|name| !name.is_empty());
    names
}

/// Notes the name of a library in a list.
unsafe extern "C" fn note(
    info: *mut libc::dl_phdr_info,
    _size: libc::size_t,
    names: *mut c_void,
) -> c_int {
    // SAFETY: the linker gives the address of what it knows of a library.
    let name = unsafe { (*info).dlpi_name };
    // SAFETY: `names` gives its list, and nobody else has it meanwhile.
    let names = unsafe { &mut *names.cast::<Vec<CString>>() };
    if !name.is_null() {
        // SAFETY: it is a text with a NUL.
        names.push(unsafe { CStr::from_ptr(name) }.to_owned());
    }
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_of_the_c_library_is_found_once_and_others_are_not() {
        assert_eq!(addresses_of(c"getpid").len(), 1);
        assert_eq!(addresses_of(c"multiprocessing_nothing"), []);
    }
}
