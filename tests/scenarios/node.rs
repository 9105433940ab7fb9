//! Node apps as they are: Node's own channel, kept open and drained for as long as the app lives.

use protocol::control::Word;
use scenarios::hub::Hub;
use scenarios::{App, process};

fn node(script: &str) -> Hub {
    let hub = Hub::new(&[App::program("web", "./app.js").gated()]);
    hub.write("app.js", script);
    hub.gate("web").let_one_through();
    hub
}

#[test]
fn what_an_app_sends_after_it_is_ready_is_drained_and_never_holds_it_up() {
    // Far more than any socket buffers: the last callback comes only when somebody reads.
    let hub = node(
        "
        const fs = require('fs');
        fs.createReadStream('web.gate').once('data', () => process.send('ready', () => {
            let left = 200;
            const sent = () => { if (--left === 0) fs.writeFileSync('journal', 'web sent everything\\n'); };
            for (let n = 0; n < 200; n++) process.send({ n, padding: 'x'.repeat(20000) }, sent);
        }));
        setInterval(() => {}, 1000);
        ",
    );
    hub.ctl(&["start"]).succeeded();
    hub.journal().until("web sent everything");
}

#[test]
fn an_app_that_goes_on_sending_survives_the_supervisors_death() {
    // To send on a closed channel is an error that nobody catches: the app would die of it.
    let hub = node(
        "
        const fs = require('fs');
        let first = true;
        fs.createReadStream('web.gate', { highWaterMark: 1 }).on('data', () => {
            if (first) { first = false; process.send('ready'); return; }
            process.send({ still: 'here' }, () => fs.writeFileSync('journal', 'web sent\\n'));
        });
        ",
    );
    hub.ctl(&["start"]).succeeded();
    let pid = hub.pid("web");
    for _ in 0..5 {
        process::kill_9(hub.status().supervisor.pid);
        hub.gate("web").let_one_through();
        hub.journal().until("web sent");
    }
    let web = hub.app("web");
    assert_eq!((web.status, web.pid, web.restarts), (Word::Online, Some(pid), 0));
}

#[test]
fn other_messages_do_not_make_an_app_ready() {
    let hub = node(
        "
        const fs = require('fs');
        process.send({ ready: false });
        process.send('not yet');
        fs.writeFileSync('journal', 'web sent others\\n');
        const gate = fs.createReadStream('web.gate', { highWaterMark: 1 });
        let bytes = 0;
        gate.on('data', () => { if (++bytes === 2) process.send('ready'); });
        setInterval(() => {}, 1000);
        ",
    );
    let start = hub.begin(&["start"]);
    hub.journal().until("web sent others");
    let supervisor = hub.status().supervisor.pid;
    // A successor reads the channel from its beginning: by then it has seen all that was sent.
    process::kill_9(supervisor);
    hub.until("another supervisor answers", |watch| watch.status.supervisor.pid != supervisor);
    assert_eq!(hub.app("web").status, Word::Launching);
    hub.gate("web").let_one_through();
    start.output().succeeded();
}

#[test]
fn neither_the_channel_nor_its_variables_reach_a_grandchild() {
    let hub = node(
        "
        const fs = require('fs');
        const { spawn } = require('child_process');
        spawn('sleep', ['1000'], { stdio: 'ignore' });
        fs.createReadStream('web.gate').once('data', () => process.send('ready'));
        setInterval(() => {}, 1000);
        ",
    );
    hub.ctl(&["start"]).succeeded();
    let child = process::children(hub.pid("web"));
    let child = process::look(child[0]).expect("it runs");
    assert!(child.variable("NODE_CHANNEL_FD").is_none(), "{:?}", child.environment);
}
