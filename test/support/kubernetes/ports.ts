import { connect } from "node:net";
import type { WebSocket } from "ws";

/** Port-forward over channel.k8s.io: two channels a port, data and errors, each begun with the port's number. */
export function servePorts(socket: WebSocket, ports: readonly number[]): void {
  const connections = ports.map((port, index) => {
    const data = index * 2;
    const begin = Buffer.alloc(2);
    begin.writeUInt16LE(port);
    const send = (channel: number, bytes: Uint8Array): void => {
      if (socket.readyState === socket.OPEN) socket.send(Buffer.concat([Buffer.of(channel), bytes]));
    };
    send(data, begin);
    send(data + 1, begin);
    const connection = connect(port, "127.0.0.1");
    connection.on("data", (bytes: Buffer) => send(data, bytes));
    connection.on("error", (error) => send(data + 1, Buffer.from(error.message)));
    connection.on("close", () => socket.close(1000));
    return connection;
  });
  socket.on("message", (raw: Buffer) => {
    const [channel = 1] = raw;
    if (channel % 2 === 0) connections[channel / 2]?.write(raw.subarray(1));
  });
  socket.on("close", () => {
    for (const connection of connections) connection.destroy();
  });
}
