//! What the module must not do to the process that loads it, and what it must stand.

#![allow(unsafe_code, clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeSet;
use std::ffi::{c_char, c_int, c_void};
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};

use nss_tests::accounts::{group, publish, user, varied, writer};
use nss_tests::isolated_tests;
use nss_tests::module::{Module, ROOMY, status};
use nss_tests::process::in_child;
use snapshot::layout::header;
use snapshot::writer::{Contents, IndexWriter};

/// The descriptors of this process.
fn descriptors() -> BTreeSet<c_int> {
    // One of them was that of the directory itself; it is closed when this looks.
    std::fs::read_dir("/proc/self/fd")
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_str().unwrap().parse().unwrap())
        // SAFETY: asks about a number, whatever it stands for.
        .filter(|descriptor| unsafe { libc::fcntl(*descriptor, libc::F_GETFD) } >= 0)
        .collect()
}

/// The reader's mappings of files of the index (the writer's, which these tests have too, are writable).
fn mappings() -> usize {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let ours = |line: &&str| line.contains("/run/roster/") || line.contains("/var/lib/roster/");
    maps.lines().filter(ours).filter(|line| line.contains(" r--s ")).count()
}

/// Limits the number of descriptors; 0 refuses every further one.
fn limit_descriptors(most: u64) {
    let limit = libc::rlimit { rlim_cur: most, rlim_max: 1024 };
    // SAFETY: limits this process, which runs one test.
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &limit) }, 0);
}

/// One of every call, as a program that has the module makes them.
fn use_everything(module: &Module) {
    assert_eq!(module.getpwnam(c"alice", ROOMY).found().uid, 3000);
    assert_eq!(module.getpwuid(3001, ROOMY).found().name, "bob");
    assert_eq!(module.getgrnam(c"team", ROOMY).found().members.len(), 4);
    assert_eq!(module.getgrgid(4002, ROOMY).found().name, "e");
    assert_eq!(module.getspnam(c"alice", ROOMY).found().passwd, "*");
    assert_eq!(module.initgroups(c"alice", 3000, &[], 1, -1).groups, [4000, 27, 4002]);
    assert!(module.getpwnam(c"eve", ROOMY).is_miss());
    for (set, end) in [("setpwent", "endpwent"), ("setgrent", "endgrent"), ("setspent", "endspent")]
    {
        assert_eq!(module.set(set), status::SUCCESS);
        assert_eq!(module.end(end), status::SUCCESS);
    }
    assert_eq!(module.rest(Module::getpwent).len(), 5);
    assert_eq!(module.rest(Module::getgrent).len(), 4);
    assert_eq!(module.rest(Module::getspent).len(), 5);
    for end in ["endpwent", "endgrent", "endspent"] {
        module.end(end);
    }
}

/// Entry points and buffers for a thread whose stack has no room for the tests' own comforts.
struct Spartan {
    getpwnam: unsafe extern "C" fn(
        *const c_char,
        *mut libc::passwd,
        *mut c_char,
        usize,
        *mut c_int,
    ) -> c_int,
    getgrnam: unsafe extern "C" fn(
        *const c_char,
        *mut libc::group,
        *mut c_char,
        usize,
        *mut c_int,
    ) -> c_int,
    getpwent: unsafe extern "C" fn(*mut libc::passwd, *mut c_char, usize, *mut c_int) -> c_int,
    endpwent: extern "C" fn() -> c_int,
    buffer: Vec<c_char>,
    results: [c_int; 4],
}

extern "C" fn on_a_small_stack(argument: *mut c_void) -> *mut c_void {
    // SAFETY: the thread's maker passes a Spartan that it does not touch until the thread has ended.
    let it = unsafe { &mut *argument.cast::<Spartan>() };
    // SAFETY: all-zero bytes are null pointers and numbers.
    let (mut passwd, mut group): (libc::passwd, libc::group) = unsafe { std::mem::zeroed() };
    let (buffer, length, mut errno) = (it.buffer.as_mut_ptr(), it.buffer.len(), 0);
    // SAFETY: called as glibc does.
    unsafe {
        it.results[0] = (it.getpwnam)(c"alice".as_ptr(), &mut passwd, buffer, length, &mut errno);
        it.results[1] = (it.getgrnam)(c"team".as_ptr(), &mut group, buffer, length, &mut errno);
        it.results[2] = (it.getpwent)(&mut passwd, buffer, length, &mut errno);
        it.results[3] = (it.endpwent)();
    }
    std::ptr::null_mut()
}

isolated_tests! {
    fn a_thread_with_a_stack_of_16_kib() {
        publish(&varied());
        let module = Module::shipped();
        let mut spartan = Spartan {
            getpwnam: module.entry("getpwnam_r"),
            getgrnam: module.entry("getgrnam_r"),
            getpwent: module.entry("getpwent_r"),
            endpwent: module.entry("endpwent"),
            buffer: vec![0; 4096],
            results: [-9; 4],
        };
        // SAFETY: the documented use of pthread_attr and pthread_create; the thread is joined before
        // its argument goes.
        unsafe {
            let mut attributes = std::mem::zeroed();
            assert_eq!(libc::pthread_attr_init(&mut attributes), 0);
            assert_eq!(libc::pthread_attr_setstacksize(&mut attributes, 16 * 1024), 0);
            let mut thread = 0;
            let argument = (&raw mut spartan).cast();
            let created = libc::pthread_create(&mut thread, &attributes, on_a_small_stack, argument);
            assert_eq!(created, 0);
            assert_eq!(libc::pthread_join(thread, std::ptr::null_mut()), 0);
        }
        assert_eq!(spartan.results, [status::SUCCESS; 4]);
    }

    fn children_forked_while_threads_look_up_and_the_index_changes() {
        publish(&varied());
        let module = Module::shipped();
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    while !stop.load(SeqCst) {
                        assert_eq!(module.getpwnam(c"alice", ROOMY).found().uid, 3000);
                        module.initgroups(c"alice", 3000, &[], 1, -1);
                    }
                });
            }
            scope.spawn(|| {
                let mut writer = writer();
                while !stop.load(SeqCst) {
                    writer.publish(&varied()).unwrap();
                }
            });
            scope.spawn(|| {
                while !stop.load(SeqCst) {
                    module.getpwent(ROOMY);
                    module.set("setpwent");
                }
            });
            for _ in 0..300 {
                in_child(|| {
                    use_everything(&module);
                    // What the threads of the parent held is lost to this child; it gets by without.
                    for _ in 0..20 {
                        publish_again();
                        use_everything(&module);
                    }
                });
            }
            stop.store(true, SeqCst);
        });
        use_everything(&module);
    }

    fn a_child_of_a_child_of_a_child() {
        publish(&varied());
        let module = Module::shipped();
        // Each generation inherits an enumeration that is under way.
        fn generation(module: &Module, depth: u32) {
            use_everything(module);
            module.getpwent(ROOMY);
            publish_again();
            if depth > 0 {
                in_child(|| generation(module, depth - 1));
            }
            use_everything(module);
        }
        generation(&module, 30);
    }

    fn many_processes_read_while_the_index_changes() {
        const CHANGES: u64 = 1500;
        let contents = |number: u64| {
            let mut changing = user("changing", 3000);
            changing.gecos = number.to_string();
            let groups = vec![group("team", 4000, &["changing", &format!("of{number}")])];
            Contents { users: vec![changing], groups, generation: number }
        };
        publish(&contents(1));
        let module = Module::shipped();
        // SAFETY: a page of zeroes that children share: counts of publications begun and done.
        let page = unsafe {
            let (read_write, shared) =
                (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_SHARED | libc::MAP_ANONYMOUS);
            libc::mmap(std::ptr::null_mut(), 4096, read_write, shared, -1, 0)
        };
        assert_ne!(page, libc::MAP_FAILED);
        // SAFETY: the page lives until the end of this process, and any bits are a valid AtomicU64.
        let counts: &'static [AtomicU64; 2] = unsafe { &*page.cast() };
        let [begun, done] = counts;
        begun.store(1, SeqCst);
        done.store(1, SeqCst);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| in_child(|| {
                    let (mut last, mut different) = (0, 0);
                    while last < CHANGES {
                        let least = done.load(SeqCst);
                        let seen: u64 = module.getpwnam(c"changing", ROOMY).found().gecos.parse().unwrap();
                        assert!(least <= seen && seen <= begun.load(SeqCst), "{least} {seen}");
                        let members = module.getgrgid(4000, ROOMY).found().members;
                        let named: u64 = members[1].strip_prefix("of").unwrap().parse().unwrap();
                        assert!(seen <= named && named <= begun.load(SeqCst));
                        different += u64::from(seen != last);
                        last = seen;
                    }
                    assert!(different > 10, "saw only {different} of the changes");
                    assert!(mappings() <= 2);
                }));
            }
            let mut writer = writer();
            for number in 2..=CHANGES {
                begun.store(number, SeqCst);
                writer.publish(&contents(number)).unwrap();
                done.store(number, SeqCst);
            }
        });
    }

    fn a_process_that_lives_through_thousands_of_publications() {
        publish(&varied());
        let module = Module::shipped();
        let mut writer = writer();
        for number in 0..5000 {
            writer.publish(&varied()).unwrap();
            assert_eq!(module.getpwnam(c"alice", ROOMY).found().uid, 3000);
            assert_eq!(module.getspnam(c"alice", ROOMY).found().passwd, "*");
            if number % 500 == 0 {
                assert_eq!(mappings(), 2, "one of each file");
            }
        }
        assert_eq!(mappings(), 2);
    }

    fn no_descriptor_is_kept() {
        let before = descriptors();
        let module = Module::shipped();
        assert_eq!(module.getpwnam(c"alice", ROOMY).status, status::UNAVAILABLE);
        publish(&varied());
        use_everything(&module);
        assert_eq!(module.getpwent(ROOMY).found().name, "alice");
        assert_eq!(descriptors(), before);
    }

    fn without_descriptors() {
        publish(&varied());
        let module = Module::shipped();
        limit_descriptors(0);
        let answer = module.getpwnam(c"alice", ROOMY);
        assert_eq!((answer.status, answer.errno), (status::UNAVAILABLE, libc::EMFILE));
        limit_descriptors(1024);
        use_everything(&module);
        limit_descriptors(0);
        use_everything(&module);
        limit_descriptors(1024);
        publish_again();
        limit_descriptors(0);
        // What is mapped is known to be old, and what is new cannot be opened.
        let answer = module.getpwnam(c"alice", ROOMY);
        assert_eq!((answer.status, answer.errno), (status::UNAVAILABLE, libc::EMFILE));
        limit_descriptors(1024);
        use_everything(&module);
    }

    fn with_standard_descriptors_closed() {
        publish(&varied());
        let module = Module::shipped();
        in_child(|| {
            // SAFETY: this child prints nothing from here on; if it fails, its status says so.
            (0..3).for_each(|descriptor| assert_eq!(unsafe { libc::close(descriptor) }, 0));
            use_everything(&module);
            publish_again();
            use_everything(&module);
            // SAFETY: asks about a number.
            let open = |descriptor| unsafe { libc::fcntl(descriptor, libc::F_GETFD) } >= 0;
            assert!(!open(0) && !open(1) && !open(2));
        });
    }

    fn in_a_chroot_what_is_mapped_goes_on_and_nothing_else_is_believed() {
        publish(&varied());
        let module = Module::shipped();
        std::fs::create_dir_all("/run/jail").unwrap();
        let jail = || {
            // SAFETY: this child lives in the jail from here on.
            let entered = unsafe { libc::chroot(c"/run/jail".as_ptr()) };
            assert_eq!(entered, 0);
            std::env::set_current_dir("/").unwrap();
        };
        in_child(|| {
            jail();
            assert_eq!(module.getpwnam(c"alice", ROOMY).status, status::UNAVAILABLE);
        });
        in_child(|| {
            use_everything(&module);
            jail();
            use_everything(&module);
        });
    }

    fn in_a_chroot_with_an_index_of_its_own_that_one_counts() {
        publish(&varied());
        let module = Module::shipped();
        for folder in ["run/roster", "var/lib/roster/index"] {
            std::fs::create_dir_all(format!("/run/jail/{folder}")).unwrap();
        }
        let inside = Contents { users: vec![user("carol", 3005)], groups: Vec::new(), generation: 1 };
        let jail = std::path::Path::new("/run/jail");
        let mut writer = IndexWriter::new(&jail.join("run/roster"), &jail.join("var/lib/roster/index"));
        writer.publish(&inside).unwrap();
        let enter = || {
            // SAFETY: this child lives in the jail from here on.
            assert_eq!(unsafe { libc::chroot(c"/run/jail".as_ptr()) }, 0);
            std::env::set_current_dir("/").unwrap();
        };
        in_child(|| {
            enter();
            assert_eq!(module.getpwnam(c"carol", ROOMY).found().uid, 3005);
            assert!(module.getpwnam(c"alice", ROOMY).is_miss());
        });
        in_child(|| {
            use_everything(&module);
            let mapped = std::fs::OpenOptions::new().write(true).open("/run/roster/index").unwrap();
            enter();
            // What is mapped goes on until it is replaced; what replaces it is looked for here.
            use_everything(&module);
            mapped.write_all_at(&1_u32.to_ne_bytes(), header::SUPERSEDED as u64 * 4).unwrap();
            assert_eq!(module.getpwnam(c"carol", ROOMY).found().uid, 3005);
            assert!(module.getpwnam(c"alice", ROOMY).is_miss());
        });
    }

    fn a_signal_handler_may_look_up_in_the_middle_of_a_lookup() {
        static MODULE: std::sync::OnceLock<Spartan> = std::sync::OnceLock::new();
        static HANDLED: AtomicU64 = AtomicU64::new(0);
        extern "C" fn handler(_: c_int) {
            let mut buffer = [0; 512];
            // SAFETY: all-zero bytes are null pointers and numbers.
            let mut passwd: libc::passwd = unsafe { std::mem::zeroed() };
            let (mut errno, Some(it)) = (0, MODULE.get()) else { return };
            // SAFETY: called as glibc does.
            let status = unsafe {
                let start = buffer.as_mut_ptr();
                (it.getpwnam)(c"alice".as_ptr(), &mut passwd, start, 512, &mut errno)
            };
            if status == status::SUCCESS {
                HANDLED.fetch_add(1, SeqCst);
            }
        }
        publish(&varied());
        let module = Module::shipped();
        let _ = MODULE.set(Spartan {
            getpwnam: module.entry("getpwnam_r"),
            getgrnam: module.entry("getgrnam_r"),
            getpwent: module.entry("getpwent_r"),
            endpwent: module.entry("endpwent"),
            buffer: Vec::new(),
            results: [0; 4],
        });
        let it = MODULE.get().unwrap();
        let interval = libc::timeval { tv_sec: 0, tv_usec: 100 };
        let timer = libc::itimerval { it_interval: interval, it_value: interval };
        // SAFETY: the handler does nothing but call the module, which is what is tested.
        unsafe {
            libc::signal(libc::SIGALRM, handler as extern "C" fn(c_int) as usize);
            libc::setitimer(libc::ITIMER_REAL, &timer, std::ptr::null_mut());
        }
        let mut calls = 0_u64;
        while HANDLED.load(SeqCst) < 2000 {
            let mut buffer = [0; 512];
            // SAFETY: all-zero bytes are null pointers and numbers.
            let mut passwd: libc::passwd = unsafe { std::mem::zeroed() };
            let mut errno = 0;
            // SAFETY: called as glibc does.
            let status = unsafe {
                let start = buffer.as_mut_ptr();
                (it.getpwnam)(c"alice".as_ptr(), &mut passwd, start, 512, &mut errno)
            };
            assert_eq!((status, passwd.pw_uid), (status::SUCCESS, 3000));
            calls += 1;
            if calls.is_multiple_of(5000) {
                publish_again();
            }
        }
        let off = libc::itimerval {
            it_interval: libc::timeval { tv_sec: 0, tv_usec: 0 },
            it_value: libc::timeval { tv_sec: 0, tv_usec: 0 },
        };
        // SAFETY: stops the timer.
        unsafe { libc::setitimer(libc::ITIMER_REAL, &off, std::ptr::null_mut()) };
    }
}

/// Replaces the files by ones of the same content.
fn publish_again() {
    // Children of one test publish beside each other, which the writer is not made for; only the live
    // files are replaced here, each under a name of its own.
    for name in ["index", "shadow"] {
        let path = format!("/run/roster/{name}");
        let temporary = format!("/run/roster/.{name}.{}", std::process::id());
        std::fs::copy(&path, &temporary).unwrap();
        let mark = |path: &str, value: u32| {
            let file = std::fs::OpenOptions::new().write(true).open(path).unwrap();
            file.write_all_at(&value.to_ne_bytes(), header::SUPERSEDED as u64 * 4).unwrap();
        };
        mark(&temporary, 0);
        mark(&path, 1);
        std::fs::rename(&temporary, &path).unwrap();
    }
}
