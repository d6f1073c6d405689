{
    "meta": {
        "coin": "skycoin",
        "cryptoType": "",
        "encrypted": "false",
        "filename": "mine.wlt",
        "label": "mine",
        "lastSeed": "",
        "secrets": "",
        "seed": "",
        "seedPassphrase": "",
        "tm": "1795672663",
        "type": "collection",
        "version": "0.4",
        "xpub": ""
    },
    "entries": [
        {
            "address": "2EFSW8YqFDG3x6mwfbDjBk6M9eMc6WUoFHZ",
            "public_key": "0305e00701e9ac4ebc32de970042e065b0815bdb6a0689478c63eb5834fdf1871a",
            "secret_key": "b34cb8e9d2fb2a33068e7de319d39ec24eaf4aa06190e55cd26259a46f0d21a5"
        },
        {
            "address": "24qhX1ZC9F8iDaT6R13j4fgJyQvumW2izpm",
            "public_key": "02dfaea66d7fffc86f30446226d191720ef4cfff028851e276f69300906bdcbc03",
            "secret_key": "d7b4b321424f18118bc6f4619367711776398db07fade810bc2d20f3f5c96181"
        },
        {
            "address": "oJAsEpQrwQdVs6D12ufJ4T25EcCQYg9XFX",
            "public_key": "03c072cf0f6cdf503d00b086ed776999f67fe5a065d64e682fdb5e900c9a41826d",
            "secret_key": "c4663bef1879348dc6641d54cb2d095a452eb09345e4bb072b7b24eab690a13c"
        },
        {
            "address": "Zr7NGdVCLTPCbCrCBeYQFYHt389XhEUcfk",
            "public_key": "03e3be0c221ac14df0a71a739b02d8a3585af2ec38b60f812a7c72baa8bc215c8c",
            "secret_key": "8448554716f7d12b3e786bfe6f05e2ac3b44c4c43ef4516cd123559eb4f60cc1"
        },
        {
            "address": "R48MmWamS2Z7eomRu4swN1Qn1fNvyRWmbr",
            "public_key": "021170db935bac17ac3754bd3086e22b869744d33063f3922b3e62edae95e8f97e",
            "secret_key": "cb8b1a66bd049693da31b9c9f7e601b361c042889e677a03fc11fcefdb64ee27"
        },
        {
            "address": "TZTziG8nnjot6br48btTCiwHHyzFktETYn",
            "public_key": "027ee56798b97b1719c11eda524712358dcce5cf21da67ed1a5e603f34aac76de0",
            "secret_key": "4e2efcbc1f88a047d43182a221fd271f6d42b0cd314df1dc233ffc70656937a2"
        },
        {
            "address": "2erA869uwmKLVJJPxGCStKgwkxNzhKiyQUP",
            "public_key": "039c1f8f6f72c51a64d26e0848331b97f7523727c855df3eb297bec9f84d3cd616",
            "secret_key": "2c1a10319ed9dcd74e1d3f1d920633c4e58dc80b6416bc6e26c27c117575a241"
        },
        {
            "address": "Kv6bfsgsaNjGdY1N4CkWsqERW6iRkfLx6V",
            "public_key": "036f22d250a23be12a81bbdc122ceee551a0cbb62860d0afebcc903982f0b75755",
            "secret_key": "43b98f1c68175bf89c01b880ff45acc5fa20233741fafd33c9d23898eca8a88c"
        },
        {
            "address": "2HtBwWZ5Uyrq6dM4ZX5YdN9LdPzDTR62CJG",
            "public_key": "024d8b68385c62fff5989f46a145a97af00201066b9f59dc4611265fbb04e64fbc",
            "secret_key": "bf787d50d6381c7eae91cce6424253b0e1bf4e5da55d61b1aaea743dcd9e30d6"
        },
        {
            "address": "95tRnfvCZqnw3qhug5ShcpK3Y7khDpZTxx",
            "public_key": "025cdcf8fc1230b0e1ac9574190c47759ef6ddc18f24c35f09c3b86e3dc47d7020",
            "secret_key": "ded9f5f0e0913ee16fffe3bd09e66f2e0d7c36f10f99962341a95326a8c79083"
        },
        {
            "address": "2dzMJ3jZ9ywxC1HUU72mGZaHRD8fYE66uhP",
            "public_key": "035e08e0704fa63e84c43e510944c4f55351bef28889a26c153a2c3e32a1535df6",
            "secret_key": "e418664614cf0b710d9f2bbd1838b04ddb99e476b341b8e7a905c0638783de07"
        },
        {
            "address": "2geXvqB3QXrCZjyWq2MhLVa3yTJ73ktand2",
            "public_key": "0380b59c81185b6cbb6d0f5fae20d8c31adf8ba8d85ed754965092908d3a72b4fb",
            "secret_key": "a9c55c0a37645f5642138b116c3a1e10ba2649ad4d97b70acef9024415fa86eb"
        }
    ]
}