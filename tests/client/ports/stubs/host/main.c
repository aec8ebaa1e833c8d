/* SPDX-License-Identifier: MIT */
#include "mqttsn/client.h"

#if MQTTSN_CLIENT_QOS2
#error "the definitions of the library do not reach the application"
#endif

int main(void)
{
    static struct mqttsn_client_gateway gateways[1];
    static struct mqttsn_client client;
    const struct mqttsn_client_config config = {.client_id =
                                                    mqttsn_span_text("n1"),
                                                .gateways = gateways,
                                                .gateway_cap = 1};

    return mqttsn_client_init(&client, &config, 1) != MQTTSN_OK;
}
