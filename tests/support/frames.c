/* SPDX-License-Identifier: MIT */
#include "frames.h"

#include <assert.h>
#include <string.h>

static const struct {
    const char *name;
    const char *layout;
} types[256] = {
    [SN_ADVERTISE] = {"ADVERTISE", "gd"},
    [SN_SEARCHGW] = {"SEARCHGW", "r"},
    [SN_GWINFO] = {"GWINFO", "gt"},
    [SN_CONNECT] = {"CONNECT", "fpdt"},
    [SN_CONNACK] = {"CONNACK", "c"},
    [SN_WILLTOPICREQ] = {"WILLTOPICREQ", ""},
    [SN_WILLTOPIC] = {"WILLTOPIC", "ft"},
    [SN_WILLMSGREQ] = {"WILLMSGREQ", ""},
    [SN_WILLMSG] = {"WILLMSG", "t"},
    [SN_REGISTER] = {"REGISTER", "imt"},
    [SN_REGACK] = {"REGACK", "imc"},
    [SN_PUBLISH] = {"PUBLISH", "fimt"},
    [SN_PUBACK] = {"PUBACK", "imc"},
    [SN_PUBCOMP] = {"PUBCOMP", "m"},
    [SN_PUBREC] = {"PUBREC", "m"},
    [SN_PUBREL] = {"PUBREL", "m"},
    [SN_SUBSCRIBE] = {"SUBSCRIBE", "fmt"},
    [SN_SUBACK] = {"SUBACK", "fimc"},
    [SN_UNSUBSCRIBE] = {"UNSUBSCRIBE", "fmt"},
    [SN_UNSUBACK] = {"UNSUBACK", "m"},
    [SN_PINGREQ] = {"PINGREQ", "t"},
    [SN_PINGRESP] = {"PINGRESP", ""},
    [SN_DISCONNECT] = {"DISCONNECT", "d"},
    [SN_WILLTOPICUPD] = {"WILLTOPICUPD", "ft"},
    [SN_WILLTOPICRESP] = {"WILLTOPICRESP", "c"},
    [SN_WILLMSGUPD] = {"WILLMSGUPD", "t"},
    [SN_WILLMSGRESP] = {"WILLMSGRESP", "c"},
};

const char *sn_type_name(unsigned type)
{
    return type < 256 ? types[type].name : NULL;
}

const char *sn_layout(unsigned type)
{
    return type < 256 ? types[type].layout : NULL;
}

int sn_type_of(const char *name)
{
    for (int i = 0; i < 256; i++)
        if (types[i].name != NULL && strcmp(types[i].name, name) == 0)
            return i;
    return -1;
}

static bool may_be_bare(uint8_t type)
{
    return type == SN_WILLTOPIC || type == SN_WILLTOPICUPD ||
           type == SN_DISCONNECT;
}

static void add8(struct octets *o, unsigned value)
{
    assert(o->len < sizeof(o->data));
    o->data[o->len++] = (uint8_t)value;
}

static void add16(struct octets *o, unsigned value)
{
    add8(o, value / 256);
    add8(o, value % 256);
}

static void add_field(struct octets *o, const struct sn_frame *f, char field)
{
    switch (field) {
    case 'f':
        add8(o, f->flags);
        break;
    case 'p':
        add8(o, f->protocol);
        break;
    case 'd':
        add16(o, f->duration);
        break;
    case 'g':
        add8(o, f->gw_id);
        break;
    case 'r':
        add8(o, f->radius);
        break;
    case 'c':
        add8(o, f->code);
        break;
    case 'i':
        add16(o, f->topic);
        break;
    case 'm':
        add16(o, f->msg);
        break;
    default:
        assert(f->tail_len <= sizeof(o->data) - o->len);
        memcpy(o->data + o->len, f->tail, f->tail_len);
        o->len += f->tail_len;
        break;
    }
}

static size_t width(const struct sn_frame *f, char field)
{
    if (field == 't')
        return f->tail_len;
    return field == 'd' || field == 'i' || field == 'm' ? 2 : 1;
}

struct octets sn_pack(const struct sn_frame *frame)
{
    const char *layout = types[frame->type].layout;
    struct octets o;
    size_t body = 0;

    if (frame->bare && may_be_bare(frame->type))
        layout = "";
    else if (layout == NULL)
        layout = "t";
    for (const char *p = layout; *p != '\0'; p++)
        body += width(frame, *p);
    o.len = 0;
    if (frame->long_form || body + 2 > 255) {
        add8(&o, 1);
        add16(&o, (unsigned)body + 4);
    } else {
        add8(&o, (unsigned)body + 2);
    }
    add8(&o, frame->type);
    for (const char *p = layout; *p != '\0'; p++)
        add_field(&o, frame, *p);
    return o;
}

/* Takes one field from '*at'; false when it is not there. */
static bool take_field(struct sn_frame *f, char field, const uint8_t **at,
                       const uint8_t *end)
{
    size_t have = (size_t)(end - *at), need = 1;
    unsigned value;

    if (field == 't') {
        if (have > sizeof(f->tail))
            return false;
        f->tail_len = have;
        memcpy(f->tail, *at, have);
        *at = end;
        return true;
    }
    if (field == 'd' || field == 'i' || field == 'm')
        need = 2;
    if (have < need)
        return false;
    value = need == 1 ? (*at)[0] : (*at)[0] * 256u + (*at)[1];
    *at += need;
    switch (field) {
    case 'f':
        f->flags = (uint8_t)value;
        break;
    case 'p':
        f->protocol = (uint8_t)value;
        break;
    case 'd':
        f->duration = (uint16_t)value;
        break;
    case 'g':
        f->gw_id = (uint8_t)value;
        break;
    case 'r':
        f->radius = (uint8_t)value;
        break;
    case 'c':
        f->code = (uint8_t)value;
        break;
    case 'i':
        f->topic = (uint16_t)value;
        break;
    default:
        f->msg = (uint16_t)value;
        break;
    }
    return true;
}

const char *sn_unpack(const uint8_t *data, size_t len, struct sn_frame *ret)
{
    const uint8_t *at = data, *end = data + len;
    const char *layout;
    size_t length;

    memset(ret, 0, sizeof(*ret));
    if (len < 2)
        return "shorter than a header";
    if (data[0] == 1) {
        if (len < 4)
            return "shorter than a long header";
        length = data[1] * 256u + data[2];
        if (length <= 255)
            return "the long Length where the short one does";
        at = data + 3;
    } else {
        length = data[0];
        at = data + 1;
    }
    if (length != len)
        return "Length is not the size of the datagram";
    ret->type = *at++;
    layout = types[ret->type].layout;
    if (layout == NULL)
        return "a reserved type";
    if (at == end && may_be_bare(ret->type)) {
        ret->bare = true;
        return NULL;
    }
    for (; *layout != '\0'; layout++)
        if (!take_field(ret, *layout, &at, end))
            return "ends before its fields do";
    return at == end ? NULL : "octets after its last field";
}

struct octets sn_wrap(const uint8_t *node_id, size_t node_id_len,
                      struct octets inner)
{
    struct octets o = {0};

    add8(&o, (unsigned)node_id_len + 3);
    add8(&o, SN_ENCAPSULATED);
    add8(&o, 0);
    for (size_t i = 0; i < node_id_len; i++)
        add8(&o, node_id[i]);
    for (size_t i = 0; i < inner.len; i++)
        add8(&o, inner.data[i]);
    return o;
}

bool sn_unwrap(const uint8_t *data, size_t len, const uint8_t *node_id,
               size_t node_id_len, struct octets *ret_inner)
{
    size_t header = node_id_len + 3;

    if (len <= header || data[0] != header || data[1] != SN_ENCAPSULATED ||
        data[2] != 0 || memcmp(data + 3, node_id, node_id_len) != 0 ||
        len - header > sizeof(ret_inner->data))
        return false;
    ret_inner->len = len - header;
    memcpy(ret_inner->data, data + header, ret_inner->len);
    return true;
}

static void set_tail(struct sn_frame *f, const char *text)
{
    f->tail_len = strlen(text);
    assert(f->tail_len <= sizeof(f->tail));
    memcpy(f->tail, text, f->tail_len);
}

struct octets sn_bare(uint8_t type)
{
    struct octets o = {.len = 2, .data = {2, type}};

    return o;
}

struct octets sn_connect(const char *id, uint16_t duration, uint8_t flags)
{
    struct sn_frame f = {.type = SN_CONNECT,
                         .flags = flags,
                         .protocol = 1,
                         .duration = duration};

    set_tail(&f, id);
    return sn_pack(&f);
}

struct octets sn_willtopic(uint8_t type, uint8_t flags, const char *topic)
{
    struct sn_frame f = {.type = type, .flags = flags};

    set_tail(&f, topic);
    return sn_pack(&f);
}

struct octets sn_willmsg(uint8_t type, const char *message)
{
    struct sn_frame f = {.type = type};

    set_tail(&f, message);
    return sn_pack(&f);
}

struct octets sn_register(uint16_t topic, uint16_t msg, const char *name)
{
    struct sn_frame f = {.type = SN_REGISTER, .topic = topic, .msg = msg};

    set_tail(&f, name);
    return sn_pack(&f);
}

struct octets sn_ack(uint8_t type, uint16_t topic, uint16_t msg, uint8_t code)
{
    struct sn_frame f = {
        .type = type, .topic = topic, .msg = msg, .code = code};

    return sn_pack(&f);
}

struct octets sn_publish(uint8_t flags, uint16_t topic, uint16_t msg,
                         const char *payload)
{
    struct sn_frame f = {
        .type = SN_PUBLISH, .flags = flags, .topic = topic, .msg = msg};

    set_tail(&f, payload);
    return sn_pack(&f);
}

struct octets sn_msg(uint8_t type, uint16_t msg)
{
    struct sn_frame f = {.type = type, .msg = msg};

    return sn_pack(&f);
}

struct octets sn_subscribe(uint8_t type, uint8_t flags, uint16_t msg,
                           const char *name)
{
    struct sn_frame f = {.type = type, .flags = flags, .msg = msg};

    set_tail(&f, name);
    return sn_pack(&f);
}

struct octets sn_subscribe_id(uint8_t type, uint8_t flags, uint16_t msg,
                              uint16_t topic)
{
    struct sn_frame f = {.type = type, .flags = flags, .msg = msg};

    f.tail_len = 2;
    f.tail[0] = (uint8_t)(topic / 256);
    f.tail[1] = (uint8_t)(topic % 256);
    return sn_pack(&f);
}

struct octets sn_pingreq(const char *id)
{
    struct sn_frame f = {.type = SN_PINGREQ};

    if (id != NULL)
        set_tail(&f, id);
    return sn_pack(&f);
}

struct octets sn_disconnect(int duration)
{
    struct sn_frame f = {.type = SN_DISCONNECT, .bare = duration < 0};

    if (duration >= 0)
        f.duration = (uint16_t)duration;
    return sn_pack(&f);
}

struct octets sn_code(uint8_t type, uint8_t code)
{
    struct sn_frame f = {.type = type, .code = code};

    return sn_pack(&f);
}
