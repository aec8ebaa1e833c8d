# SPDX-License-Identifier: MIT
"""Configurations of the Paho gateway, as it is delivered and as others have
written it; see fuzz_import.c."""

DELIVERED = b"""#**************
GatewayID=1
GatewayName=PahoGateway-01
MaxNumberOfClients=30
KeepAlive=60
BrokerName=mqtt.eclipseprojects.io
BrokerPortNo=1883
BrokerSecurePortNo=8883
ClientAuthentication=NO
AggregatingGateway=NO
QoS-1=NO
Forwarder=NO
PredefinedTopic=NO
#RootCAfile=/etc/ssl/certs/ca-certificates.crt
#CertsDirectory=/etc/ssl/certs/
GatewayPortNo=10000
MulticastIP=225.1.1.1
MulticastPortNo=1883
MulticastTTL=1
SharedMemory=NO
"""

FILES = [
    ("delivered", DELIVERED),
    ("lists", DELIVERED.replace(b"=NO", b"=YES")
     + b"PredefinedTopicList=predefinedTopic.conf\nClientsList=clients.conf\n"
       b"%%% topics\n* , ty4tw/topic1, 1\nclient01, a/b, 2\n"
       b"%%% clients\n"
       b"client01,192.168.10.10:12001\n"
       b"client02,192.168.10.11:12001,unstableLine\n"
       b"client03,192.168.10.12:12001,secureConnection,QoS-1\n"
       b"fwd,192.168.10.13:12001,forwarder\n"),
    ("login", DELIVERED + b"LoginID=gateway\nPassword=open sesame\n"),
    ("tls", DELIVERED + b"RootCAfile=/etc/ca.pem\nRootCApath=/etc/ssl\n"
                        b"CertKey=/etc/c.pem\nPrivateKey=/etc/k.pem\n"),
    ("ipv6", DELIVERED + b"GatewayUDP6Bind=::\nGatewayUDP6Port=10000\n"
                         b"GatewayUDP6Broadcast=FF02::1\nGatewayUDP6If=lo\n"),
    ("semicolons-and-comments", b"ClientAuthentication=NO;\n QoS-1 = YES # x\n"
                                b"\r\n=\n"),
    ("no-line", b"GatewayID"),
    ("nothing", b""),
    ("out-of-range", b"GatewayID=0\nKeepAlive=70000\nMaxNumberOfClients=0\n"
                     b"GatewayPortNo=65536\nBrokerPortNo=-1\n"),
    ("odd-names", b"BrokerName=[::1]\nGatewayName=a b;c\"d\n"
                  b"GatewayID=1\nGatewayID=2\n"),
    ("topics-twice", b"PredefinedTopic=YES\n%%% topics\nc,a,1\nc,b,1\n"
                     b"*,a/+,7\nc,x,65535\n"),
    ("not-utf8", b"GatewayName=\xff\xfe\n"),
]


def seeds():
    for name, octets in FILES:
        yield "import", name, octets
