{
    "meta": {
        "coin": "skycoin",
        "cryptoType": "",
        "encrypted": "false",
        "filename": "mine.wlt",
        "label": "mine",
        "lastSeed": "c77c2813359ad2106502c145b81cfc6e63833409f2b4a1d05f3cdf7c5387b829",
        "secrets": "",
        "seed": "abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about",
        "seedPassphrase": "",
        "tm": "1795672663",
        "type": "deterministic",
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
        },
        {
            "address": "5CMGiuPiNqwzLi4XrjXGtZd4Mm5orYaM46",
            "public_key": "03b431e1b99202f3211cda9fbb185025113bb64cbda4c581c3144fdef378696a9b",
            "secret_key": "6500c011ee7b1a540301fae8301c4670e51570b831059103191b3ebe947703a0"
        },
        {
            "address": "2iWmUsPzQB8orzkyWFpBRen5Wp1ea9LTy1g",
            "public_key": "02a8aa1bdf2506097ef75239253512e109caf08614d57cc5b2e3280873c3cee72f",
            "secret_key": "2d9f80b165dea1987541bd624cccb56e16fc612acf6cccc7feb7b1efdb5bd41c"
        },
        {
            "address": "b5VHDHWQ1AXxrdPrfHQYiALyEBTx1eNJxQ",
            "public_key": "03c868d4dc733160921ac87a0fc3bb68da6f18d67713ebc3c93ce5b25ec10a5ce1",
            "secret_key": "8b830fa766fa67eb1630d8502a97c5f19463cd339a779d1284a8f8b5379addd2"
        },
        {
            "address": "2QyALi1WuEox8x8tNRYLDW7pnbdBV7yokru",
            "public_key": "0296141c0fdcfa94a46481dd5107ab071d28a5b0264e8fc65b6e4f02297aa1af89",
            "secret_key": "b39ed9528f58511182dd03bf8cb6f6b7daad2981c35321c9d477e81b034a3d29"
        },
        {
            "address": "2VRkMZv1PvAcVYDgdSdnNucQ8odakre2djt",
            "public_key": "03bb133fab4be0608af37d4aad300a99b6e83e91c72b4380801fac73eec78fc65e",
            "secret_key": "8423a6bad028a4ad781cf009144203fb0b648ef5375d755f674ae227168e35d7"
        },
        {
            "address": "2i9ZNTSSw36aEU3BYoLCFRPSyYDEqTD563n",
            "public_key": "02ecf556518130be2b3317f5d9232d3b2eb3584f3530757c02ccc9c6f817d97f15",
            "secret_key": "5457c4e89bffdd286ba1504e5314fe992b72315c77a142b21ab75054082ef25e"
        },
        {
            "address": "25r5otf3JkyJwk611es3mZLwrNeZc39rXQ",
            "public_key": "02911c4b23d9453d2d6f76a9e0d2be45b76008017ed79a7b1fbf4b466118b54cc3",
            "secret_key": "4e5f84c824f1375a742c86747bd4a135433ede9a4be4922364157865bb5be758"
        },
        {
            "address": "2cyZDdyKFkB1YdpLLokJsksJsBYXDsvqLuY",
            "public_key": "0232ce3af66cecbad930bc8641bd1feb2be7614b7efda81921c061da66f1b1807f",
            "secret_key": "1fd48e152dc751d3ee713cc777ffd5f63c41e976872e910ea047a3e7ee67643f"
        }
    ]
}