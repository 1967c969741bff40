//! How deep templates may nest: measured on the stack itself, because a limit by count fits neither small nor
//! big steps.

use std::{io, thread};

/// How much stack reading and executing templates may use. Only what is used costs memory.
const SIZE: usize = 256 * 1024 * 1024;

/// The rest is for what a step calls: functions, printing, YAML.
const RESERVE: usize = 8 * 1024 * 1024;

/// Runs with a stack that is big enough for every nesting that [`Stack`] allows. The error: no thread can be
/// started.
pub fn with_room<T: Send>(run: impl FnOnce(Stack) -> T + Send) -> io::Result<T> {
    thread::scope(|scope| {
        let started = thread::Builder::new().name("templates".to_owned()).stack_size(SIZE).spawn_scoped(
            scope,
            || {
                let bottom = 0u8;
                run(Stack { bottom: address(&bottom), limit: SIZE - RESERVE })
            },
        )?;
        Ok(started.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    })
}

/// The stack that templates are read and executed on.
#[derive(Clone, Copy, Debug)]
pub struct Stack {
    bottom: usize,
    limit: usize,
}

impl Stack {
    /// Whether there is no room for another step.
    pub(super) fn is_full(self) -> bool {
        let top = 0u8;
        self.bottom.abs_diff(address(&top)) > self.limit
    }
}

fn address(byte: &u8) -> usize {
    std::ptr::from_ref(byte).addr()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn depth(stack: Stack, at: usize) -> usize {
        let kept = std::hint::black_box([at; 32]);
        if stack.is_full() { kept[0] } else { depth(stack, at + 1).max(kept[31]) }
    }

    #[test]
    fn it_is_full_before_it_overflows() {
        assert!(with_room(|stack| depth(stack, 0)).unwrap() > 10_000);
    }
}
