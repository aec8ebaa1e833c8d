# SPDX-License-Identifier: MIT
#
# The library's sources and include directories, for every build by CMake:
# hosts, Zephyr, ESP-IDF. In the repository 'common' lies beside the module; in
# a tree made by scripts/export-client it lies inside.
set(MQTTSN_CLIENT_ROOT ${CMAKE_CURRENT_LIST_DIR})
if(EXISTS ${MQTTSN_CLIENT_ROOT}/common/include)
  set(MQTTSN_COMMON_ROOT ${MQTTSN_CLIENT_ROOT}/common)
else()
  set(MQTTSN_COMMON_ROOT ${MQTTSN_CLIENT_ROOT}/../common)
endif()

set(MQTTSN_CLIENT_SOURCES
  ${MQTTSN_CLIENT_ROOT}/src/client.c
  ${MQTTSN_CLIENT_ROOT}/src/connection.c
  ${MQTTSN_CLIENT_ROOT}/src/discovery.c
  ${MQTTSN_CLIENT_ROOT}/src/exchange.c
  ${MQTTSN_CLIENT_ROOT}/src/receive.c
  ${MQTTSN_CLIENT_ROOT}/src/send.c
  ${MQTTSN_CLIENT_ROOT}/src/snapshot.c
  ${MQTTSN_CLIENT_ROOT}/src/topics.c
  ${MQTTSN_COMMON_ROOT}/src/frame.c
  ${MQTTSN_COMMON_ROOT}/src/frame_decode.c
  ${MQTTSN_COMMON_ROOT}/src/frame_encode.c
  ${MQTTSN_COMMON_ROOT}/src/status.c
  ${MQTTSN_COMMON_ROOT}/src/text.c
  ${MQTTSN_COMMON_ROOT}/src/topic.c)

# The codec knows the messages that the features need, and no others.
set(MQTTSN_CODEC_DEFINITIONS
  MQTTSN_FRAME_CONFIG_FILE="mqttsn/client_frames.h")

set(MQTTSN_CLIENT_INCLUDES
  ${MQTTSN_CLIENT_ROOT}/include
  ${MQTTSN_COMMON_ROOT}/include)
