//! What was seen, as JSON: the host need not know how anything lies in memory.

use std::fmt::Write;

/// What can be written as JSON.
pub trait Plain {
    fn write(&self, json: &mut String);
}

macro_rules! numbers {
    ($($type:ty),*) => {
        $(impl Plain for $type {
            fn write(&self, json: &mut String) {
                let _ = write!(json, "{self}"); // to a string it cannot fail
            }
        })*
    };
}
numbers!(u32, u64, usize, bool);

impl Plain for str {
    fn write(&self, json: &mut String) {
        json.push('"');
        for character in self.chars() {
            match character {
                '"' | '\\' => json.extend(['\\', character]),
                character if character < ' ' => {
                    let _ = write!(json, "\\u{:04x}", u32::from(character));
                }
                character => json.push(character),
            }
        }
        json.push('"');
    }
}

impl Plain for &str {
    fn write(&self, json: &mut String) {
        (**self).write(json);
    }
}

impl Plain for String {
    fn write(&self, json: &mut String) {
        self.as_str().write(json);
    }
}

impl<T: Plain> Plain for Option<T> {
    fn write(&self, json: &mut String) {
        match self {
            Some(value) => value.write(json),
            None => json.push_str("null"),
        }
    }
}

impl<T: Plain> Plain for Vec<T> {
    fn write(&self, json: &mut String) {
        json.push('[');
        for (index, value) in self.iter().enumerate() {
            if index > 0 {
                json.push(',');
            }
            value.write(json);
        }
        json.push(']');
    }
}

/// Defines structs, each field with the name that it has in JSON.
macro_rules! plain {
    ($(
        $(#[$about:meta])*
        pub struct $type:ident {
            $($(#[$meaning:meta])* $field:ident $name:literal: $of:ty,)*
        }
    )*) => {
        $(
            $(#[$about])*
            #[derive(Debug, Clone)]
            pub struct $type {
                $($(#[$meaning])* pub $field: $of,)*
            }

            impl $crate::live::plain::Plain for $type {
                fn write(&self, json: &mut String) {
                    let mut separator = '{';
                    $(
                        json.push(separator);
                        json.push_str(concat!("\"", $name, "\":"));
                        $crate::live::plain::Plain::write(&self.$field, json);
                        separator = ',';
                    )*
                    debug_assert_eq!(separator, ',');
                    json.push('}');
                }
            }
        )*
    };
}
pub(super) use plain;

#[cfg(test)]
mod tests {
    use super::*;

    plain! {
        /// An example.
        pub struct Example {
            number "theNumber": u32,
            texts "texts": Vec<&'static str>,
            none "none": Option<u64>,
        }
    }

    #[test]
    fn what_was_seen_becomes_json() {
        let example = Example {
            number: 7,
            texts: vec!["a", "\"\\\n\u{1b}é"],
            none: None,
        };
        let mut json = String::new();
        example.write(&mut json);
        let texts = r#"["a","\"\\\u000a\u001bé"]"#;
        assert_eq!(
            json,
            format!(r#"{{"theNumber":7,"texts":{texts},"none":null}}"#)
        );
    }
}
