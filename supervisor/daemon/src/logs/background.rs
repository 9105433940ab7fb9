//! A thread that runs when nobody else wants to, and leaves nothing behind.
#![allow(unsafe_code)] // setpriority, ioprio_set and malloc_trim, which nix does not wrap

/// `IOPRIO_WHO_PROCESS`, which means a thread; 0 is the calling one.
const WHO_THREAD: libc::c_int = 1;
/// `IOPRIO_CLASS_IDLE << IOPRIO_CLASS_SHIFT`
const IDLE: libc::c_int = 3 << 13;
const NICEST: libc::c_int = 19;

/// Makes it the calling thread. Where that is refused it runs as before.
pub fn begin() {
    // SAFETY: numbers go in and a number comes out. On Linux both are about one thread.
    unsafe {
        libc::setpriority(libc::PRIO_PROCESS, 0, NICEST);
        libc::syscall(libc::SYS_ioprio_set, WHO_THREAD, 0, IDLE);
    }
}

/// Gives what is free back to the system: the allocator would keep what an encoder used for the next one, which may come in days.
pub fn end() {
    // SAFETY: a number goes in, and what is in use stays as it is.
    #[cfg(target_env = "gnu")]
    unsafe {
        libc::malloc_trim(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_calling_thread_gives_way() {
        let nice = || {
            let stat = std::fs::read_to_string("/proc/thread-self/stat").unwrap();
            stat.rsplit_once(") ").unwrap().1.split(' ').nth(16).unwrap().parse::<i32>().unwrap()
        };
        let before = nice();
        let thread = std::thread::spawn(move || {
            begin();
            nice()
        });
        assert_eq!((thread.join().unwrap(), nice()), (NICEST, before));
    }
}
