# SPDX-License-Identifier: MIT
"""Configurations; fuzz_config.c says how other sources are added to a file."""

# One with every section, so that the fuzzer need not find the names.
FULL = """
[gateway]
id = 7
name = gw-kitchen
[listener lan]
bind = 0.0.0.0:1883
max_datagram = 1024
discovery = yes
multicast = 225.1.1.1:1883
advertise_interval = 16m
receive_buffer = 8MiB
forwarders = 192.168.1.9, 10.0.0.0/8
[listener six]
bind = [::]:1884
forwarders = any
[client n[0-9]*]
queue_max_messages = 10
drop_policy = newest
max_datagram = 128
[client *]
queue_max_age = 1h
[upstream]
url = mqtt://127.0.0.1:1883, mqtt://[::1]
client_id = me
username = gw
password_file = secret
window = 20
upstream_timeout = 30s
retain_settle = 500ms
keep_alive = 60s
will_on_shutdown = yes
[topics]
predefined_file = topics.csv
qos_minus1_short = yes
qos_minus1_from = 127.0.0.0/8, ::1/128, fe80::/10
[predefined]
101 = site/boiler/temperature
102 = site/door/state, open
[sleep]
rebind_on_ping = any
strict_sleep = yes
awake_max_time = 30s
[retry]
interval = 10s
count = 3
[limits]
max_sessions = 100
max_topics_per_client = 512
queue_max_messages = 100
queue_max_bytes = 64KiB
queue_total_bytes = 16MiB
session_expiry = 7d
stranger_reply_rate = 100
[store]
type = memory
[access]
publish = site/#, +/state
subscribe = #
dollar_topics = no
[compat]
overlapping = probe
paho_len_quirk = no
gw_ping = yes
[log]
level = debug
format = json
"""

TOPICS = "%%% topics\n*, a/b, 7\nn1, c/d, 8, open\n# a comment\n"
SECRET = "%%% secret\nhunter2\n"

SEEDS = {
    "empty": "",
    "full": FULL + TOPICS + SECRET,
    "set-and-environment":
        "[log]\nlevel = warn\n%%% set\nlog.level=error\nretry.count=5\n"
        "listener.lan.bind=127.0.0.1\n%%% environment\n"
        "MQTTSN_LOG_FORMAT=json\nMQTTSN_LISTENER_LAN_BIND=0.0.0.0:1\n"
        "MQTTSN_PREDEFINED_7=a/b\nMQTTSN_GATEWAY_PORT=x\n",
    "reload": "[limits]\nmax_sessions = 5\n[listener a]\nbind = 0.0.0.0:1\n"
        "%%% reload\n[limits]\nmax_sessions = 6\nmax_client_id = 9\n"
        "[listener b]\nbind = 0.0.0.0:2\n[client x]\ndrop_policy = oldest\n",
    "reload-to-nothing": FULL + TOPICS + SECRET + "%%% reload\n\n",
    "secret-missing": "[upstream]\nusername = u\npassword_file = none\n",
    "secret-empty": "[upstream]\npassword_file = secret\n%%% secret\n\n",
    "unknown-key": "[gateway]\nidd = 3\n[gatewau]\nid = 3\n",
    "repeated-key": "[gateway]\nid = 3\nid = 4\n",
    "key-without-section": "id = 3\n",
    "section-without-end": "[gateway\nid = 3\n",
    "section-with-brackets": "[client n[0-9]*[a]]\nqueue_max_messages = 1\n",
    "value-without-unit": "[retry]\ninterval = 10\n",
    "value-too-large": "[limits]\nqueue_total_bytes = 99999999999GiB\n",
    "value-past-64-bits": "[retry]\ninterval = 18446744073709551616ms\n",
    "value-negative": "[retry]\ncount = -1\n",
    "comments": "; one\n# two\n[log] ; three\nlevel = info ; four\n"
        "format = text;no comment\n",
    "byte-order-mark": "\ufeff[log]\r\nlevel = info\r\n",
    "not-utf8": b"[gateway]\nname = \xff\xfe\n",
    "nul": b"[gateway]\nname = a\0b\n",
    "control-characters": "[gateway]\nname = a\x1bb\n",
    "line-too-long": "[gateway]\nname = " + "x" * 4100 + "\n",
    # inih as distributions build it cuts lines at 199 characters.
    "line-longer-than-inih-takes": "[access]\npublish = " +
        ", ".join("topic/%d/#" % i for i in range(40)) + "\n",
    "key-longer-than-inih-takes": "[gateway]\n" + "k" * 60 + " = 1\n",
    "lists": "[access]\npublish = ,a,,b/+,\nsubscribe = a/#/b\n",
    "addresses": "[listener a]\nbind = [::1%1]:7\n[listener b]\n"
        "bind = 256.0.0.1:99999\n[listener c]\nbind = :1883\n"
        "forwarders = 10.0.0.0/33\n",
    "urls": "[upstream]\nurl = mqtt://, mqtts://h:0, h, mqtt://a:b@h/p\n",
    "topics-twice": "[predefined]\n1 = a\n1 = b\n65535 = c\n0 = d\n2 = a/+\n",
    "topics-odd": "[topics]\npredefined_file = topics.csv\n%%% topics\n"
        "*,a\n*,a,x\n,a,1\nn,a,1,closed\n*,a,1\n*,b,1\n",
    "more-errors-than-are-told": "[gateway]\n" +
        "".join("k%d = 1\n" % i for i in range(30)),
    "many-listeners": "".join("[listener l%d]\nbind = 127.0.0.1:%d\n"
                              % (i, i + 1) for i in range(20)),
}


def seeds():
    for name, text in SEEDS.items():
        yield "config", name, \
            text if isinstance(text, bytes) else text.encode()
