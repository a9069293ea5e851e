import * as pulumi from "@pulumi/pulumi";
import { AwsVm } from "@evenboot/aws";

const config = new pulumi.Config();

const vm = new AwsVm("web", {
    definition: "web-server",
    firstBoot: [
        { kind: "packages", names: ["nginx"] },
        {
            kind: "file",
            path: "/var/www/html/index.html",
            content: "Served by ${REGION}.\n",
            uses: ["REGION"],
            mode: 0o644,
        },
    ],
    everyBoot: [{ kind: "shell", name: "empty the cache", script: "rm -rf /var/cache/nginx/*" }],
    values: { REGION: config.get("region") ?? "eu-central-1" },
    inbound: [{ port: 80 }],
});

export const address = vm.publicAddress;
export const identity = vm.identity;
