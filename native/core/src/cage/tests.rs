use super::*;

const HEAD: &str = "import{start}from\"file:///lib/child_main.ts\";await start({";

fn base64(text: &str) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let chunks = text.as_bytes().chunks(3).map(|chunk| {
        let bits = chunk
            .iter()
            .chain(&[0; 2])
            .take(3)
            .fold(0u32, |bits, byte| bits << 8 | u32::from(*byte));
        (0..=chunk.len())
            .map(|k| char::from(DIGITS[(bits >> (18 - 6 * k) & 63) as usize]))
            .collect::<String>()
    });
    chunks.collect()
}

fn entry(modules: &[&str]) -> String {
    let list = modules
        .iter()
        .map(|url| format!("\"{url}\":()=>import(\"{url}\")"))
        .collect::<Vec<_>>();
    format!("{MARK}{}", base64(&format!("{HEAD}{}}})", list.join(","))))
}

/// A command line: the flags in words, an entry with these modules, a main module.
fn command_line(flags: &str, modules: &[&str], rest: &[&str]) -> Vec<String> {
    let words = ["run"].into_iter().chain(flags.split_whitespace());
    let mut all: Vec<String> = words.map(str::to_owned).collect();
    all.push(entry(modules));
    all.extend(rest.iter().map(|&word| word.to_owned()));
    all
}

const MAIN: &str = "file:///work/main.ts";

fn cage(flags: &str) -> Cage {
    let own = command_line(flags, &[MAIN, "data:text/javascript,1"], &[MAIN, "-A"]);
    Cage {
        command_line: own.clone(),
        executable: Some("/bin/deno".into()),
        environment: vec![
            ("HOME".into(), "/root".into()),
            ("LD_LIBRARY_PATH".into(), "/lib".into()),
        ],
        own: CommandLine::parse(&own).unwrap(),
    }
}

fn starts(own: &str, wanted: &str) -> bool {
    let wanted = command_line(wanted, &[MAIN], &[MAIN, "-A"]);
    cage(own)
        .require_start(Path::new("/bin/deno"), &wanted)
        .is_ok()
}

#[test]
fn a_child_may_have_the_same_or_less() {
    let own = "--config=/deno.json --allow-read=/a,/b/c --deny-read=/a/secret --allow-env=A*,B \
               --allow-net=h:80,g --allow-sys --allow-ffi=/addon.so --no-prompt";
    for wanted in [
        own,
        "--config=/deno.json --deny-read=/a/secret --no-prompt",
        "--cached-only --config=/deno.json --deny-read=/a/secret --no-prompt",
        "--config=/deno.json --deny-read=/a/secret --cached-only --no-prompt --allow-sys",
        "--config=/deno.json --allow-read=/a/x,/b/c/d --deny-read=/a/secret --no-prompt",
        "--config=/deno.json --allow-env=AB,B --deny-read=/a/secret --no-prompt",
        "--config=/deno.json --allow-net=g:1,h:80 --deny-read=/a/secret --no-prompt",
        "--config=/deno.json --allow-sys=hostname --deny-read=/a/secret --no-prompt",
    ] {
        assert!(starts(own, wanted), "{wanted}");
    }
}

#[test]
fn a_child_may_not_have_more() {
    let own = "--allow-read=/a --deny-read=/a/secret --allow-env=A* --allow-net=h:80 \
               --allow-run=git --allow-ffi=/addon.so --no-prompt";
    let rest = "--deny-read=/a/secret --no-prompt";
    for wanted in [
        "--no-prompt",                // a denial is missing
        "--deny-read=/a/secret",      // it could ask
        "--deny-read=/a --no-prompt", // another denial
        &format!("{rest} --allow-all"),
        &format!("{rest} -A"),
        &format!("{rest} -"),
        &format!("{rest} --"),
        &format!("{rest} --allow-read"),
        &format!("{rest} --allow-read="),
        &format!("{rest} --allow-read=/a,"),
        &format!("{rest} --allow-read=/ab"),
        &format!("{rest} --allow-read=/a/../b"),
        &format!("{rest} --allow-read=a"),
        &format!("{rest} --allow-env=AB --allow-env=AC"), // each name once
        &format!("{rest} --deny-read"),
        &format!("{rest} --deny-net=h"), // would take the place of a bare one
        "--no-prompt --deny-read=/a/secret", // another order
        &format!("{rest} --allow-write=/a"),
        &format!("{rest} --allow-env=B"),
        &format!("{rest} --allow-env"),
        &format!("{rest} --allow-net=h"),
        &format!("{rest} --allow-net=h:8080"),
        &format!("{rest} --allow-run=git,sh"),
        &format!("{rest} --allow-ffi=/addon.so,/evil.so"),
        &format!("{rest} --allow-import=evil.example"),
        &format!("{rest} --allow-hrtime"),
        &format!("{rest} --permission-set"),
        &format!("{rest} --config=/evil.json"),
        &format!("{rest} --preload=/evil.ts"),
        &format!("{rest} --v8-flags=--allow-natives-syntax"),
        &format!("{rest} --unstable-ffi"),
    ] {
        assert!(!starts(own, wanted), "{wanted}");
    }
}

#[test]
fn a_child_runs_the_same_program_by_the_same_executable() {
    let cage = cage("--no-prompt");
    let start =
        |path: &str, arguments: &[String]| cage.require_start(Path::new(path), arguments).is_ok();
    let good = command_line("--no-prompt", &[MAIN], &[MAIN, "-A"]);
    assert!(start("/bin/deno", &good));
    assert!(!start("/bin/sh", &good));
    assert!(!start("/bin/deno", &[]));
    let evaluates: Vec<String> = good.iter().map(|it| it.replace("run", "eval")).collect();
    assert!(!start("/bin/deno", &evaluates));
    for program in [
        &["file:///etc/passwd", "-A"][..],
        &[],
        &[MAIN],
        &[MAIN, "-A", "more"],
        &["-A", MAIN, "-A"],
        &["--no-prompt", MAIN, "-A"], // the entry is the last flag
        &["--", MAIN, "-A"],
    ] {
        let other = command_line("--no-prompt", &[MAIN], program);
        assert!(!start("/bin/deno", &other), "{program:?}");
    }
    let twice = command_line(&format!("--no-prompt {}", entry(&[])), &[MAIN], &[MAIN]);
    assert!(!start("/bin/deno", &twice));
    let free: Vec<String> = good
        .iter()
        .map(|it| it.replace("multiprocessing-caged", "multiprocessing"))
        .collect();
    assert!(!start("/bin/deno", &free), "out of the cage");
    let programs = [
        format!("{HEAD}}});evil()"),
        format!("evil();{HEAD}}})"),
        format!("{HEAD}\"a\":()=>import(\"b\")}})"),
        format!("{HEAD}\"a\\\"\":()=>import(\"a\\\"\")}})"),
        String::from("evil()"),
    ];
    for program in programs {
        let mut changed = good.clone();
        changed[2] = format!("{MARK}{}", base64(&program));
        assert!(!start("/bin/deno", &changed), "{program}");
    }
}

/// Deno's `--lock` takes the next word for its value, others do so even if it is a flag.
#[test]
fn no_flag_can_take_the_next_word_for_its_value() {
    let parse = |flags: &str| CommandLine::parse(&command_line(flags, &[MAIN], &[MAIN]));
    for bare in [
        "--lock",
        "--config",
        "--conditions",
        "--import-map",
        "--cert",
        "--ext",
        "--location",
        "--log-level",
        "--min-dep-age",
        "--node-modules-linker",
        "--preload",
        "--require",
        "--seed",
        "--unheard-of",
    ] {
        assert!(parse(&format!("{bare} --no-prompt")).is_none(), "{bare}");
        assert!(parse(&format!("{bare}=1 --no-prompt")).is_some(), "{bare}");
        assert!(parse(&format!("{bare} word --no-prompt")).is_none());
    }
    for bare in [
        "--quiet",
        "--no-lock",
        "--unstable-kv",
        "--frozen",
        "--vendor",
    ] {
        assert!(parse(bare).is_some(), "{bare}");
    }
    let own = "--lock=/deno.lock --no-prompt";
    assert!(starts(own, own));
    assert!(!starts(own, "--lock --no-prompt"));
    // The forged one: Deno would take the first main module for the lock file.
    let mut forged = command_line(own, &[MAIN], &["--lock", MAIN, "--allow-all", MAIN, "-A"]);
    assert!(CommandLine::parse(&forged).is_none());
    forged.retain(|word| word != "--lock=/deno.lock");
    let entry = forged
        .iter()
        .position(|word| word.starts_with(MARK))
        .unwrap();
    let moved = forged.remove(entry);
    forged.insert(1, moved);
    assert!(CommandLine::parse(&forged).is_none());
}

#[test]
fn the_mark_counts_before_the_main_module_only() {
    let caged = command_line("--quiet", &[MAIN], &[MAIN, "a"]);
    assert!(is_caged(&caged));
    let mark = entry(&[MAIN]);
    for words in [
        vec!["run", "-A", MAIN, &mark],
        vec!["run", "--quiet", MAIN, "spawn", &mark],
        vec!["run", "--config", "deno.json", MAIN, &mark],
        vec!["run", "--", MAIN, &mark],
        vec!["eval", &mark],
        vec!["run"],
        vec![],
    ] {
        let words: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
        assert!(!is_caged(&words), "{words:?}");
    }
}

#[test]
fn a_child_imports_what_this_process_could() {
    let folder = std::env::temp_dir().canonicalize().unwrap();
    let file = folder.join(format!("cage {}.ts", std::process::id()));
    std::fs::write(&file, "").unwrap();
    let url = format!("file://{}", file.display()).replace(' ', "%20");
    let read = format!("--allow-read={}", folder.display());
    let may_load = |flags: &str, url: &str| cage(flags).may_load(url);
    assert!(may_load("", MAIN));
    assert!(may_load("", "data:text/javascript,1"));
    assert!(may_load("", "https://host/module.ts"));
    assert!(!may_load("", "data:text/javascript,2"));
    assert!(!may_load("", "npm:evil"));
    assert!(!may_load("", &url));
    assert!(may_load(&read, &url));
    assert!(!may_load(&read, "file:///etc/passwd"));
    assert!(!may_load(
        &read,
        &format!("file://{}/../etc/passwd", folder.display())
    ));
    let denied = format!("{read} --deny-read={}", folder.display());
    assert!(!may_load(&denied, &url));
    assert!(
        !may_load(&format!("{read} --allow-write"), &url),
        "it could be rewritten"
    );
    std::fs::remove_file(&file).unwrap();
}

#[test]
fn the_environment_is_the_first_one_but_for_what_is_granted_by_name() {
    let of = |flags: &str, variables: &[(&str, &str)]| {
        let variables: Vec<_> = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        cage(flags).environment(Some(&variables)).is_ok()
    };
    assert_eq!(cage("").environment(None).unwrap().len(), 2);
    assert!(of("", &[]));
    assert!(of("", &[("HOME", "/root")]));
    assert!(!of("", &[("HOME", "/tmp")]));
    assert!(of("--allow-env=A*", &[("AB", "1")]));
    assert!(!of("--allow-env", &[("PATH", "/tmp")]));
    assert!(!of(
        "--allow-env=LD_PRELOAD",
        &[("LD_PRELOAD", "/tmp/evil.so")]
    ));
    assert!(of("", &[("LD_LIBRARY_PATH", "/lib")]));
    for name in [
        "HOME",
        "XDG_CACHE_HOME",
        "DENO_DIR",
        "npm_config_registry",
        "https_proxy",
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "VK_ICD_FILENAMES",
        "HOSTALIASES",
    ] {
        assert!(
            !of(&format!("--allow-env={name}"), &[(name, "/tmp")]),
            "{name}"
        );
    }
}

#[test]
fn addresses_are_granted_as_by_deno() {
    let net = |flags: &str, host, port| cage(flags).require_net(host, port).is_ok();
    assert!(!net("", "h", 80));
    assert!(net("--allow-net", "h", 80));
    assert!(net("--allow-net=h", "h", 80));
    assert!(net("--allow-net=g,h:80", "h", 80));
    assert!(!net("--allow-net=h:80", "h", 81));
    assert!(net("--allow-net=*.h.org", "a.H.org", 80));
    assert!(!net("--allow-net=*.h.org", "h.org", 80));
    assert!(net("--allow-net=10.0.0.0/8:80", "10.1.2.3", 80));
    assert!(!net("--allow-net=10.0.0.0/8", "11.1.2.3", 80));
    assert!(net("--allow-net=[::1]:80", "::1", 80));
    assert!(!net("--allow-net=[::1]:80", "::1", 81));
    assert!(!net("--allow-net --deny-net=10.0.0.0/8", "10.0.0.1", 80));
    assert!(!net("--allow-net --deny-net=h", "h", 80));
    assert!(!net("--allow-net --deny-net", "h", 80));
    assert!(!net("--allow-net --deny-net=h", "H.", 80));
    assert!(!net(
        "--allow-net --deny-net=127.0.0.1",
        "::ffff:127.0.0.1",
        80
    ));
    assert!(!net(
        "--allow-net --deny-net=10.0.0.0/8",
        "::ffff:10.0.0.1",
        80
    ));
    assert!(!net("--allow-net --deny-net=[::1]", "0:0:0:0:0:0:0:1", 80));
    assert!(!net("--allow-net=unix:/a", "unix", 80));
}

#[test]
fn what_a_host_turns_out_to_be_must_not_be_denied() {
    let turned_out = |flags: &str| cage(flags).require_not_denied("127.0.0.1", 80).is_ok();
    assert!(turned_out("--allow-net=localhost"));
    assert!(turned_out("--allow-net --deny-net=127.0.0.1:81"));
    assert!(!turned_out("--allow-net --deny-net=127.0.0.1"));
    assert!(!turned_out("--allow-net --deny-net=127.0.0.0/8"));
}

#[test]
fn local_sockets_are_files() {
    let local = |flags: &str, name: &[u8]| cage(flags).require_local(name).is_ok();
    let files = "--allow-read=/tmp --allow-write=/tmp";
    assert!(local(&format!("{files} --allow-net"), b"/tmp/socket"));
    assert!(local(
        &format!("{files} --allow-net=unix:/tmp/socket"),
        b"/tmp/socket"
    ));
    for less in [
        files.to_owned(),
        format!("{files} --allow-net=unix:/tmp,unix"),
        format!("{files} --allow-net --deny-net=unix:/tmp/socket"),
        format!("{files} --allow-net --deny-write=/tmp"),
        "--allow-read=/tmp --allow-net".to_owned(),
    ] {
        assert!(!local(&less, b"/tmp/socket"), "{less}");
    }
    assert!(local("--allow-net", b"\0name"));
    assert!(!local(
        "--allow-net=h --allow-read --allow-write",
        b"\0name"
    ));
}

#[test]
fn where_a_path_leads_to_must_be_granted_too() {
    let real = |flags: &str, path: &str| {
        let flags = format!("--allow-net {flags}");
        cage(&flags).require_real(Path::new(path)).is_ok()
    };
    assert!(real("--allow-read --allow-write", "/tmp/socket"));
    assert!(!real("--allow-read --allow-write=/var", "/tmp/socket"));
    assert!(!real(
        "--allow-read --allow-write --deny-net=unix:/tmp/socket",
        "/tmp/socket"
    ));
    assert!(!real("--allow-read --allow-write", "/proc/self/cwd/socket"));
}

#[test]
fn what_cannot_be_read_grants_nothing() {
    let nothing = CommandLine::default();
    assert_eq!(nothing.grant("read"), Grant::Nothing);
    assert!(!nothing.may_load("file:///"));
    assert!(CommandLine::parse(&["run".into(), "--allow-read".into(), "main.ts".into()]).is_none());
}
