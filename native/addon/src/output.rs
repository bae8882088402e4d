//! The standard output and error of children, for JavaScript to read.

use multiprocessing_core::output::{Chunk, Output};
use napi::bindgen_prelude::Uint8Array;
use napi_derive::napi;

use crate::errors::{Result, state, to_js};
use crate::port;
use crate::tree::tree;

/// The reading end of a child's output. Whoever has it reads alone.
#[napi]
pub struct OutputPipe {
    output: Option<Output>,
}

impl OutputPipe {
    pub fn new(output: Output) -> Self {
        Self {
            output: Some(output),
        }
    }

    fn output(&self) -> Result<&Output> {
        self.output
            .as_ref()
            .ok_or_else(|| state("Cannot read the output of a process: it is closed"))
    }
}

#[napi]
impl OutputPipe {
    /// The next bytes; none at the end; `null` if there are none yet.
    #[napi]
    pub fn read(&self) -> Result<Option<Uint8Array>> {
        Ok(match self.output()?.read().map_err(to_js)? {
            Chunk::Bytes(bytes) => Some(bytes.into()),
            Chunk::Nothing => None,
            Chunk::End => Some(Vec::new().into()),
        })
    }

    /// Lets the reactor wait until there is something to read; the ticket.
    #[napi]
    pub fn wait(&self) -> Result<u32> {
        let output = self.output()?;
        port::watch(|sink| {
            let told = Box::new(move || sink(0));
            tree()?
                .descriptors()?
                .watch(output.descriptor(), told)
                .map_err(to_js)
        })
    }

    /// Whether who writes may have to wait for a reader.
    #[napi]
    pub fn is_full(&self) -> bool {
        self.output.as_ref().is_some_and(Output::is_full)
    }

    /// Closes this end: who writes is told so.
    #[napi]
    pub fn close(&mut self) {
        self.output = None;
    }
}
