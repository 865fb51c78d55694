/** The programs, how they are started, and what makes them work. */

import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout } from "node:timers/promises";

export type Target = {
  pid: number;
  /** Begins the work; may take until all kinds of it have begun. */
  begin(): void;
  /** Ends the work, and the process. */
  end(): Promise<void>;
};

export type TargetKind = {
  name: string;
  /** What must be in PATH. */
  tools: readonly string[];
  /** @param folder for what it compiles or writes. */
  start(folder: string): Promise<Target>;
};

const PROGRAMS = join("test", "stacks", "programs");
const PLAIN = ["-O2", "-g0", "-fomit-frame-pointer", "-pthread"];

const RUST = ["--edition=2021", "-O", "-Cforce-frame-pointers=no"];

export const TARGETS: readonly TargetKind[] = [
  compiled("gcc", "work.c", PLAIN),
  compiled("gcc", "work.c", [...PLAIN, "-mstackrealign", "-no-pie"]),
  compiled("clang-14", "work.c", PLAIN),
  compiled("gcc", "work.c", [...PLAIN, "-static"]),
  compiled("g++", "work.cc", [...PLAIN, "-std=c++20"]),
  compiled("clang++-14", "work.cc", [...PLAIN, "-std=c++17"]),
  compiled("rustc", "work.rs", RUST),
  interpreted("python3", "/usr/bin/python3", "work.py"),
  interpreted("node", "node", "work.mjs"),
  { name: "redis-server", tools: ["redis-server", "redis-benchmark", "redis-cli"], start: startRedis },
  { name: "nginx", tools: ["nginx"], start: startNginx },
];

/** Our own programs print `ready`, and begin and end at a line on stdin. */
function compiled(compiler: string, source: string, flags: readonly string[]): TargetKind {
  const extra = flags.filter((flag) => !PLAIN.includes(flag) && !RUST.includes(flag) && !flag.startsWith("-std"));
  return {
    name: [compiler, source, ...extra].join(" "),
    tools: [compiler],
    start(folder) {
      const program = join(folder, `program-${compiler}-${extra.join("")}`);
      execFileSync(compiler, [...flags, "-o", program, join(PROGRAMS, source)], {
        stdio: ["ignore", "ignore", "ignore"],
      });
      return startByLines(program, []);
    },
  };
}

function interpreted(name: string, program: string, script: string): TargetKind {
  return { name, tools: [program], start: () => startByLines(program, [join(PROGRAMS, script)]) };
}

async function startByLines(program: string, args: readonly string[]): Promise<Target> {
  const child = spawn(program, args, { stdio: ["pipe", "pipe", "inherit"] });
  const exit = once(child, "exit");
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  if ((await lines.next()).value !== "ready") throw new Error(`${program} did not start`);
  return {
    pid: child.pid as number,
    begin: () => void child.stdin.write("\n"),
    async end() {
      child.stdin.write("\n");
      const killer = new AbortController();
      setTimeout(20_000, undefined, { signal: killer.signal }).then(
        () => child.kill("SIGKILL"),
        () => {},
      );
      await exit;
      killer.abort();
    },
  };
}

/** Starts a server and waits until `isUp`; `load` are the command lines that work it, repeated until the end. */
async function startServer(
  command: readonly string[],
  isUp: () => Promise<boolean>,
  load: readonly (readonly string[])[],
): Promise<Target> {
  const server = spawn(command[0], command.slice(1), { stdio: ["ignore", "ignore", "inherit"] });
  const exit = once(server, "exit");
  while (!(await isUp())) {
    if (server.exitCode !== null) throw new Error(`${command[0]} ended with ${server.exitCode}`);
    await setTimeout(50);
  }
  let ended = false;
  const clients = new Set<ChildProcess>();
  async function repeat(line: readonly string[]): Promise<void> {
    while (!ended) {
      const client = spawn(line[0], line.slice(1), { stdio: "ignore" });
      clients.add(client);
      await once(client, "exit");
      clients.delete(client);
    }
  }
  return {
    pid: server.pid as number,
    begin() {
      for (const line of load) void repeat(line);
    },
    async end() {
      ended = true;
      for (const client of clients) client.kill("SIGKILL");
      server.kill("SIGTERM");
      await exit;
    },
  };
}

function startRedis(folder: string): Promise<Target> {
  const port = "16379";
  const script =
    "local t = {} for i = 1, 50 do t[i] = string.rep(ARGV[1], i) redis.call('set', KEYS[1] .. i, t[i]) end return cjson.encode(t)";
  return startServer(
    ["redis-server", "--port", port, "--bind", "127.0.0.1", "--save", "", "--dir", folder, "--io-threads", "2"],
    async () => accepts("127.0.0.1", Number(port)),
    [
      ["redis-benchmark", "-p", port, "-q", "-n", "20000", "-c", "20", "-r", "1000", "-d", "300"],
      ["redis-cli", "-p", port, "-r", "50", "eval", script, "1", "key", "value"],
      ["redis-benchmark", "-p", port, "-q", "-n", "3000", "-r", "500", "sort", "mylist", "alpha"],
      ["redis-cli", "-p", port, "-r", "200", "xadd", "stream", "*", "field", "value"],
      ["redis-cli", "-p", port, "info", "everything"],
      ["redis-cli", "-p", port, "flushall", "async"],
    ],
  );
}

function startNginx(folder: string): Promise<Target> {
  const port = 18080;
  writeFileSync(join(folder, "page.html"), "<p>page</p>\n".repeat(500));
  const config = join(folder, "nginx.conf");
  writeFileSync(
    config,
    `daemon off; master_process off; pid ${folder}/nginx.pid; error_log /dev/null;
events { worker_connections 256; }
http {
  access_log off; gzip on; gzip_types text/html; types { text/html html; }
  client_body_temp_path ${folder}/body; proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi; uwsgi_temp_path ${folder}/uwsgi; scgi_temp_path ${folder}/scgi;
  server {
    listen 127.0.0.1:${port};
    location / { root ${folder}; autoindex on; }
    location /back/ { proxy_pass http://127.0.0.1:${port}/; proxy_buffering on; }
    location ~ ^/text/(.*)$ { return 200 "text $1 $request_id\\n"; }
    rewrite ^/old/(.*)$ /text/$1 last;
  }
}
`,
  );
  return startServer(["nginx", "-c", config], () => accepts("127.0.0.1", port), [
    [process.execPath, join(PROGRAMS, "requests.mjs"), `http://127.0.0.1:${port}`],
  ]);
}

/** Does a server listen there? */
async function accepts(host: string, port: number): Promise<boolean> {
  const socket = connect(port, host);
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
